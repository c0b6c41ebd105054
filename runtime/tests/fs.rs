//! Files: each call does what std's does.

mod support;

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use support::{everywhere, in_runtimes};
use threadle::chan;
use threadle::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions, TryLockError};

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // Where one of the same process number was killed, its folder is still there.
        let paths = (0..).map(|n| std::env::temp_dir().join(format!("threadle-{name}-{}-{n}", std::process::id())));
        let made = paths.map(|path| fs::create_dir(&path).map(|()| path));
        let mut made =
            made.skip_while(|made| made.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists));
        Folder(made.next().expect("numbers do not end").unwrap())
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
    let folder = Folder::new("errors");
    let nowhere = folder.0.join("nowhere/file");
    assert_eq!(File::open(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(File::create(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    drop(File::create_new(folder.0.join("new")).unwrap());
    assert_eq!(File::create_new(folder.0.join("new")).unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn positions_are_kept_by_positional_calls() {
    everywhere("positional", |_| {
        let folder = Folder::new("positional");
        let path = folder.0.join("file");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        file.write_all(b"0123456789").unwrap();
        file.seek(SeekFrom::Start(2)).unwrap();
        let mut three = [0; 3];
        file.read_exact_at(&mut three, 7).unwrap();
        assert_eq!(&three, b"789");
        assert_eq!(file.read_at(&mut three, 9).unwrap(), 1, "as much as there is");
        assert!(file.read_exact_at(&mut three, 9).is_err());
        file.write_all_at(b"ab", 0).unwrap();
        assert_eq!(file.write_at(b"c", 12).unwrap(), 1, "a hole before it");
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"23456789\0\0c", "the position was left where it was");
        assert_eq!(fs::read(&path).unwrap(), b"ab23456789\0\0c");
        // Through a shared reference, vectored, and at the end.
        let mut end = OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!((&end).write_vectored(&[std::io::IoSlice::new(b"d"), std::io::IoSlice::new(b"e")]).unwrap(), 2);
        end.flush().unwrap();
        assert_eq!(file.seek(SeekFrom::End(0)).unwrap(), 15);
    });
}

#[test]
fn names_and_links_lead_where_they_say() {
    everywhere("links", |_| {
        let folder = Folder::new("links");
        let [file, hard, soft, copy] = ["file", "hard", "soft", "copy"].map(|name| folder.0.join(name));
        fs::write(&file, "content").unwrap();
        fs::hard_link(&file, &hard).unwrap();
        fs::symlink(&file, &soft).unwrap();
        assert_eq!(fs::copy(&file, &copy).unwrap(), 7);
        assert_eq!(fs::metadata(&file).unwrap().ino(), fs::metadata(&hard).unwrap().ino());
        assert_eq!(fs::metadata(&file).unwrap().nlink(), 2);
        assert_eq!(fs::read_link(&soft).unwrap(), file);
        assert!(fs::symlink_metadata(&soft).unwrap().is_symlink());
        assert!(fs::metadata(&soft).unwrap().is_file());
        fs::remove_file(&file).unwrap();
        assert_eq!(fs::read(&hard).unwrap(), b"content");
        assert!(!fs::exists(&soft).unwrap(), "it leads nowhere now");
        assert_eq!(fs::read(&copy).unwrap(), b"content");
        let own = fs::metadata(&hard).unwrap();
        fs::chown(&hard, Some(own.uid()), Some(own.gid())).unwrap();
        fs::lchown(&soft, Some(own.uid()), None).unwrap();
    });
}

#[test]
fn attributes_are_set_and_read() {
    everywhere("attributes", |_| {
        let folder = Folder::new("attributes");
        let path = folder.0.join("file");
        // Nothing of that is taken away by any sane umask.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        file.set_permissions(Permissions::from_mode(0o640)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        let then = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(then).unwrap();
        file.set_times(FileTimes::new().set_accessed(UNIX_EPOCH)).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.modified().unwrap(), metadata.accessed().unwrap()), (then, UNIX_EPOCH));
    });
}

#[test]
fn entries_tell_their_kind() {
    everywhere("kinds", |_| {
        let folder = Folder::new("kinds");
        DirBuilder::new().recursive(true).mode(0o700).create(folder.0.join("folder/below")).unwrap();
        fs::write(folder.0.join("file"), "12345").unwrap();
        fs::symlink("folder", folder.0.join("link")).unwrap();
        let mut seen: Vec<_> = fs::read_dir(&folder.0)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                assert_eq!(entry.path(), folder.0.join(entry.file_name()));
                assert_eq!(entry.ino(), fs::symlink_metadata(entry.path()).unwrap().ino());
                let kind = entry.file_type().unwrap();
                (
                    entry.file_name().into_string().unwrap(),
                    kind.is_dir(),
                    kind.is_file(),
                    entry.metadata().unwrap().len(),
                )
            })
            .collect();
        seen.sort_unstable();
        let kinds: Vec<_> = seen.iter().map(|(name, folder, file, _)| (name.as_str(), *folder, *file)).collect();
        assert_eq!(kinds, [("file", false, true), ("folder", true, false), ("link", false, false)]);
        assert_eq!(seen[0].3, 5);
    });
}

/// A lock that somebody else has holds up its caller alone, also on one processor.
#[test]
fn a_lock_is_waited_for_by_its_caller_alone() {
    in_runtimes("locks", |place| {
        let folder = Folder::new("locks");
        let path = folder.0.join("lock");
        let holder = File::create(&path).unwrap();
        holder.lock().unwrap();
        assert!(matches!(File::open(&path).unwrap().try_lock(), Err(TryLockError::WouldBlock)));
        assert!(matches!(File::open(&path).unwrap().try_lock_shared(), Err(TryLockError::WouldBlock)));
        let (locked, told) = chan::bounded(4);
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let (file, locked) = (File::open(&path).unwrap(), locked.clone());
                place.spawn(move || {
                    file.lock_shared().unwrap();
                    locked.send(()).unwrap();
                    file.unlock().unwrap();
                })
            })
            .collect();
        // Goroutines come to their turns while those four wait.
        for number in 0..100 {
            assert_eq!(place.spawn(move || number).join(), number);
        }
        assert!(told.is_empty());
        drop(holder);
        for _ in 0..4 {
            told.recv().unwrap();
        }
        waiting.into_iter().for_each(support::Task::join);
    });
}

#[test]
fn a_file_changes_hands_with_std() {
    everywhere("hands", |_| {
        let folder = Folder::new("hands");
        let path = folder.0.join("file");
        let ours: File = std::fs::File::create(&path).unwrap().into();
        let status = Command::new("echo").arg("by a child").stdout(Stdio::from(ours)).status().unwrap();
        assert!(status.success());
        let fd: std::os::fd::OwnedFd = File::open(&path).unwrap().into();
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text).unwrap();
        assert_eq!(text, "by a child\n");
    });
}
