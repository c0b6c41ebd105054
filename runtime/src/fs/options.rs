//! How a file is opened.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use threadle_scheduler::blocking;

use super::File;

/// How a file is opened: [`std::fs::OpenOptions`], whose `open` stalls nobody. A FIFO or a device may be long in opening.
///
/// ```
/// use std::io::Write;
/// use threadle::fs::{self, OpenOptions};
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-options-{}", std::process::id()));
///     for line in ["one\n", "two\n"] {
///         let mut log = OpenOptions::new().append(true).create(true).open(&path).unwrap();
///         log.write_all(line.as_bytes()).unwrap();
///     }
///     assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
///     fs::remove_file(&path).unwrap();
/// });
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    options: std::fs::OpenOptions,
}

/// The setters of std that are flags.
macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, $name: bool) -> &mut OpenOptions {
            self.options.$name($name);
            self
        }
    )*};
}

impl OpenOptions {
    /// Nothing is allowed yet.
    ///
    /// ```
    /// assert!(threadle::fs::OpenOptions::new().open("/dev/null").is_err());
    /// ```
    pub fn new() -> OpenOptions {
        OpenOptions { options: std::fs::OpenOptions::new() }
    }

    flags! {
        /// It may be read.
        ///
        /// ```
        /// assert!(threadle::fs::OpenOptions::new().read(true).open("/dev/null").is_ok());
        /// ```
        read
        /// It may be written, over what is there.
        ///
        /// ```
        /// assert!(threadle::fs::OpenOptions::new().write(true).open("/dev/null").is_ok());
        /// ```
        write
        /// It may be written, each time at the end.
        ///
        /// ```
        /// assert!(threadle::fs::OpenOptions::new().append(true).open("/dev/null").is_ok());
        /// ```
        append
        /// It is emptied; needs `write`.
        ///
        /// ```
        /// assert!(threadle::fs::OpenOptions::new().truncate(true).open("/dev/null").is_err());
        /// ```
        truncate
        /// It is made if it is not there; needs `write` or `append`.
        ///
        /// ```
        /// assert!(threadle::fs::OpenOptions::new().write(true).create(true).open("/dev/null").is_ok());
        /// ```
        create
        /// It must not be there, and is made; needs `write` or `append`.
        ///
        /// ```
        /// assert!(threadle::fs::OpenOptions::new().write(true).create_new(true).open("/dev/null").is_err());
        /// ```
        create_new
    }

    /// The permissions of one that is made, less the process's mask.
    ///
    /// ```
    /// use std::os::unix::fs::PermissionsExt;
    /// use threadle::fs::{self, OpenOptions};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-mode-{}", std::process::id()));
    ///     let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    ///     assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.options.mode(mode);
        self
    }

    /// Further flags of `open(2)`, `O_NOFOLLOW` and the like.
    ///
    /// ```
    /// let opened = threadle::fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open("/proc/self");
    /// assert!(opened.is_err()); // it is a symbolic link
    /// ```
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.options.custom_flags(flags);
        self
    }

    /// Opens the file. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::OpenOptions::open`].
    ///
    /// ```
    /// threadle::run(|| {
    ///     let error = threadle::fs::OpenOptions::new().read(true).open("/proc/nobody").unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// });
    /// ```
    #[track_caller]
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| self.options.open(path)).map(File::from_std)
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions::new()
    }
}

impl From<std::fs::OpenOptions> for OpenOptions {
    fn from(options: std::fs::OpenOptions) -> Self {
        OpenOptions { options }
    }
}
