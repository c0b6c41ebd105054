//! The page about it, of which a part is generated.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::build;

const BEGIN: &str = "<!-- figures: written by threadle-peers from here on -->";
const END: &str = "<!-- figures: until here -->";

/// Where the page of a run goes.
pub(crate) fn folder(whole: bool, wanted: Option<PathBuf>) -> PathBuf {
    wanted.unwrap_or_else(|| if whole { build::root().join("docs") } else { build::target() })
}

/// Writes the page with `generated` between its marks. The rest of it is what is in the tree.
///
/// # Errors
///
/// If it cannot be read or written, or has no marks.
pub(crate) fn write(folder: &Path, generated: &str) -> io::Result<PathBuf> {
    let page = fs::read_to_string(build::root().join("docs/benchmarks.md"))?;
    let page = replaced(&page, generated).ok_or_else(|| io::Error::other("docs/benchmarks.md has no marks"))?;
    let path = folder.join("benchmarks.md");
    fs::write(&path, page)?;
    Ok(path)
}

fn replaced(page: &str, generated: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", generated.trim()))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};
    use crate::build;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let page = format!("# Title\n{BEGIN}\nold\n{END}\nthe end\n");
        let expected = format!("# Title\n{BEGIN}\n\nnew\n\n{END}\nthe end\n");
        assert_eq!(replaced(&page, "new\n").as_deref(), Some(expected.as_str()));
        assert_eq!(replaced(&expected, "new"), Some(expected));
        assert_eq!(replaced("# Title\n", "new"), None);
    }

    #[test]
    fn the_page_has_its_marks() {
        let page = std::fs::read_to_string(build::root().join("docs/benchmarks.md")).expect("it is in the tree");
        assert!(replaced(&page, "new").is_some());
    }
}
