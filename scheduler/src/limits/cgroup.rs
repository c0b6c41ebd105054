//! Which cgroup folders bound this process.
//!
//! `/proc/self/cgroup` says where the process is in each hierarchy, `/proc/self/mountinfo` where the hierarchies are
//! mounted and which part of them. Together they give a folder, and with it every parent up to the mount point: a
//! quota there binds all that lies below, so each of them counts. Parents above the mount point cannot be seen from
//! inside a container.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Which of the two generations of the cgroup interface a folder belongs to: the files in it differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// One hierarchy per controller.
    One,
    /// One hierarchy for all.
    Two,
}

/// A folder whose limits bind this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// Which files to look for.
    pub(super) version: Version,
    /// Where they are.
    pub(super) path: PathBuf,
}

/// The folders that bind this process for `controller`: in each hierarchy its own first, then the parents up to the
/// mount point.
pub(super) fn folders(controller: &str) -> Vec<Folder> {
    match (std::fs::read("/proc/self/cgroup"), std::fs::read("/proc/self/mountinfo")) {
        (Ok(membership), Ok(mounts)) => parse(&membership, &mounts, controller),
        _ => Vec::new(),
    }
}

/// What [`folders`] finds, out of the text of the two files.
fn parse(membership: &[u8], mounts: &[u8], controller: &str) -> Vec<Folder> {
    let mut found = Vec::new();
    for line in lines(membership) {
        let Some((version, group)) = parse_membership(line, controller) else { continue };
        // One hierarchy may be mounted several times; the mount that begins nearest to the root shows the most parents.
        let mount = lines(mounts)
            .filter_map(|line| parse_mount(line, version, controller))
            .filter_map(|mount| Some((below(group, &mount.root)?, mount.point)))
            .max_by_key(|(inside, _)| inside.len());
        let Some((inside, point)) = mount else { continue };
        let names: Vec<&[u8]> = inside.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).collect();
        for depth in (0..=names.len()).rev() {
            let mut path = PathBuf::from(OsString::from_vec(point.clone()));
            path.extend(names[..depth].iter().map(|name| OsString::from_vec(name.to_vec())));
            found.push(Folder { version, path });
        }
    }
    found
}

/// A line of `/proc/self/cgroup`, `number:controllers:path`, if it speaks of the controller: the path within its
/// hierarchy.
fn parse_membership<'text>(line: &'text [u8], controller: &str) -> Option<(Version, &'text [u8])> {
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    if number == b"0" && controllers.is_empty() {
        Some((Version::Two, path))
    } else {
        has(controllers, controller).then_some((Version::One, path))
    }
}

/// One mount of a hierarchy.
struct Mount {
    /// The part of the hierarchy that is mounted.
    root: Vec<u8>,
    /// Where.
    point: Vec<u8>,
}

/// A line of `/proc/self/mountinfo`, `id parent device root point options [tags..] - type source options`, if it
/// mounts the hierarchy that is looked for.
fn parse_mount(line: &[u8], version: Version, controller: &str) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let dash = 6 + fields.get(6..)?.iter().position(|field| field == b"-")?;
    let (kind, options) = (*fields.get(dash + 1)?, *fields.get(dash + 3)?);
    let matches = match version {
        Version::One => kind == b"cgroup" && has(options, controller),
        Version::Two => kind == b"cgroup2",
    };
    matches.then(|| Mount { root: unescape(fields[3]), point: unescape(fields[4]) })
}

/// The rest of `group` below `root`; `None` where it does not lie below, or where the process sits outside what it
/// can see (`/../other`).
fn below<'text>(group: &'text [u8], root: &[u8]) -> Option<&'text [u8]> {
    if group.split(|&byte| byte == b'/').any(|name| name == b"..") {
        return None;
    }
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let inside = group.strip_prefix(root)?;
    (inside.is_empty() || inside.starts_with(b"/")).then_some(inside)
}

/// Whether a comma-separated list names `wanted`.
fn has(list: &[u8], wanted: &str) -> bool {
    list.split(|&byte| byte == b',').any(|name| name == wanted.as_bytes())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

/// Undoes the kernel's octal escapes: in `mountinfo` a blank is `\040`, a backslash `\134`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::item::Dice;

    fn paths(membership: &str, mounts: &str, controller: &str) -> Vec<(Version, String)> {
        parse(membership.as_bytes(), mounts.as_bytes(), controller)
            .into_iter()
            .map(|folder| (folder.version, folder.path.to_str().expect("the tests use plain names").to_owned()))
            .collect()
    }

    fn two(path: &str) -> (Version, String) {
        (Version::Two, path.to_owned())
    }

    fn one(path: &str) -> (Version, String) {
        (Version::One, path.to_owned())
    }

    const UNIFIED: &str = "22 1 0:21 / /proc rw,nosuid - proc proc rw\n\
        31 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn version_two_with_all_parents() {
        assert_eq!(
            paths("0::/user.slice/user-1000.slice/session-2.scope\n", UNIFIED, "cpu"),
            [
                two("/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope"),
                two("/sys/fs/cgroup/user.slice/user-1000.slice"),
                two("/sys/fs/cgroup/user.slice"),
                two("/sys/fs/cgroup"),
            ]
        );
    }

    #[test]
    fn version_two_in_a_namespace_sees_only_itself() {
        assert_eq!(paths("0::/\n", UNIFIED, "cpu"), [two("/sys/fs/cgroup")]);
    }

    #[test]
    fn version_one_in_a_container_without_a_namespace() {
        let membership = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:cpuset:/docker/abc\n";
        let mounts = "40 30 0:30 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n\
            41 30 0:31 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,relatime master:12 - cgroup cgroup rw,cpu,cpuacct\n";
        assert_eq!(paths(membership, mounts, "cpu"), [one("/sys/fs/cgroup/cpu,cpuacct")]);
        assert_eq!(paths(membership, mounts, "cpuacct"), [one("/sys/fs/cgroup/cpu,cpuacct")]);
        assert_eq!(paths(membership, mounts, "pids"), []);
    }

    #[test]
    fn both_generations_side_by_side() {
        let membership = "2:pids:/a\n1:cpu:/a/b\n0::/c\n";
        let mounts = "31 1 0:5 / /u rw - cgroup2 none rw\n32 1 0:6 / /v1/cpu rw - cgroup none rw,cpu\n";
        assert_eq!(
            paths(membership, mounts, "cpu"),
            [one("/v1/cpu/a/b"), one("/v1/cpu/a"), one("/v1/cpu"), two("/u/c"), two("/u")]
        );
    }

    #[test]
    fn octal_escapes_are_undone_in_mounts_and_colons_kept_in_paths() {
        let mounts = "31 1 0:5 /a\\040b /mnt/x\\134y\\040z rw - cgroup2 none rw\n";
        assert_eq!(paths("0::/a b/c:d\n", mounts, "cpu"), [two("/mnt/x\\y z/c:d"), two("/mnt/x\\y z")]);
        assert_eq!(unescape(b"\\9\\04"), b"\\9\\04");
        assert_eq!(unescape(b"\\777"), b"\\777");
    }

    #[test]
    fn the_mount_that_shows_most_parents_wins() {
        let mounts = "31 1 0:5 /a/b /narrow rw - cgroup2 none rw\n32 1 0:5 / /wide rw - cgroup2 none rw\n";
        assert_eq!(paths("0::/a/b\n", mounts, "cpu"), [two("/wide/a/b"), two("/wide/a"), two("/wide")]);
    }

    #[test]
    fn a_group_outside_the_mount_binds_nothing() {
        assert_eq!(paths("0::/../other\n", UNIFIED, "cpu"), []);
        let mounts = "31 1 0:5 /ab /m rw - cgroup2 none rw\n";
        assert_eq!(paths("0::/abc\n", mounts, "cpu"), []);
    }

    #[test]
    fn nonsense_is_passed_over() {
        assert_eq!(paths("", "", "cpu"), []);
        assert_eq!(paths("x\n0:\n::\n", "31 1 0:5\n- - -\n1 2 3 4 5 6 7 8\n1 2 3 4 5 6 - cgroup2\n", "cpu"), []);
    }

    /// However the two files are damaged: what is found lies at or below a mount point, no more than one folder for each name of a group and one
    /// for the point, and no group leads above it.
    #[test]
    fn damaged_files_lead_nowhere_else() {
        const PIECES: [&[u8]; 12] =
            [b"/", b"/..", b":", b"\n", b" ", b"-", b",", b"\\040", b"\\", b"cpu", b"0::/", b" - cgroup2 "];
        let mut dice = Dice::new();
        let mut found_some = 0;
        for _ in 0..20_000 {
            let mut files = [b"4:cpu,cpuacct:/a/b\n0::/a/b/c\n".to_vec(), UNIFIED.as_bytes().to_vec()];
            for _ in 0..dice.roll(4) {
                let file = &mut files[dice.roll(2)];
                let at = dice.roll(file.len());
                match dice.roll(4) {
                    0 => file[at] = dice.roll(256) as u8,
                    1 => drop(file.splice(at..at + 1, PIECES[0].iter().copied())),
                    2 => file.truncate(at + 1),
                    _ => drop(file.splice(at..at, PIECES[dice.roll(PIECES.len())].iter().copied())),
                }
            }
            let [membership, mounts] = &files;
            let found = parse(membership, mounts, "cpu");
            found_some += usize::from(!found.is_empty());
            let points: Vec<_> = lines(mounts)
                .flat_map(|line| [Version::One, Version::Two].map(|version| parse_mount(line, version, "cpu")))
                .flatten()
                .map(|mount| PathBuf::from(OsString::from_vec(mount.point)))
                .collect();
            let most = membership.iter().filter(|&&byte| byte == b'/').count() + lines(membership).count();
            assert!(found.len() <= most, "{found:?} of {files:?}");
            for folder in &found {
                let below = points.iter().filter_map(|point| folder.path.strip_prefix(point).ok());
                let is_inside = |inside: &std::path::Path| inside.iter().all(|name| *name != *"..");
                assert!(below.into_iter().any(is_inside), "{folder:?} of {files:?}");
            }
        }
        assert!(
            (1_000..20_000).contains(&found_some),
            "{found_some} of 20 000 are found: the damage is not what it should be"
        );
    }
}
