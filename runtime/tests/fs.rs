//! Files: each call does what std's does.

mod support;

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use support::everywhere;
use threadle::fs::{self, File};

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("threadle-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn written_renamed_synced_read() {
    everywhere("kept", |_| write_rename_sync_read());
}

fn write_rename_sync_read() {
    let folder = Folder::new("kept");
    let (temporary, kept) = (folder.0.join("a.tmp"), folder.0.join("a"));
    let mut file = File::create(&temporary).unwrap();
    file.write_all(b"line one\n").unwrap();
    file.write_all(b"line two\n").unwrap();
    file.sync_all().unwrap();
    file.sync_data().unwrap();
    fs::rename(&temporary, &kept).unwrap();
    File::open(&folder.0).unwrap().sync_all().unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"line one\nline two\n");
    assert!(fs::metadata(&temporary).is_err());
    assert_eq!(fs::metadata(&kept).unwrap().len(), file.metadata().unwrap().len());

    file.set_len(4).unwrap();
    let mut reader = File::open(&kept).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "line");
    reader.try_clone().unwrap().seek(SeekFrom::Start(1)).unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"ine", "clones share the position");
}

#[test]
fn folders_of_any_size_are_listed_whole() {
    everywhere("list", |_| list());
}

fn list() {
    let folder = Folder::new("list");
    let nested = folder.0.join("one/two/three");
    fs::create_dir_all(&nested).unwrap();
    for n in 0..300 {
        fs::write(nested.join(n.to_string()), n.to_string()).unwrap();
    }
    let mut names: Vec<u32> = fs::read_dir(&nested)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.into_iter().eq(0..300));
    assert_eq!(fs::read_to_string(nested.join("299")).unwrap(), "299");
    fs::remove_file(nested.join("0")).unwrap();
    assert_eq!(fs::read_dir(&nested).unwrap().count(), 299);
    assert!(fs::remove_dir(&nested).is_err(), "it is not empty");
    assert_eq!(fs::canonicalize(nested.join("..")).unwrap(), fs::canonicalize(&folder.0).unwrap().join("one/two"));
}

#[test]
fn errors_are_those_of_std() {
    everywhere("errors", |_| fail());
}

fn fail() {
    use std::io::ErrorKind;
    let folder = Folder::new("errors");
    let nowhere = folder.0.join("nowhere/file");
    assert_eq!(File::open(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(File::create(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    drop(File::create_new(folder.0.join("new")).unwrap());
    assert_eq!(File::create_new(folder.0.join("new")).unwrap_err().kind(), ErrorKind::AlreadyExists);
}
