use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use tenon_domain::RepoPath;

use super::ApplyError;

/// The open root of a tree. All paths are walked from here, one part at a time, without following links.
#[derive(Debug)]
pub(super) struct Folder {
    handle: OwnedFd,
}

/// A name in an open folder, whether or not something has it.
#[derive(Debug)]
pub(super) struct Place {
    folder: OwnedFd,
    name: String,
    path: RepoPath,
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Folder {
    pub(super) fn root(root: &Path) -> Result<Self, ApplyError> {
        // The root itself was chosen by the user and may be a link.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(root, flags, Mode::empty()).map_err(|errno| ApplyError::System {
            doing: "open the folder",
            path: root.display().to_string(),
            source: errno.into(),
        })?;
        Ok(Self { handle })
    }

    /// The place of `path`; its folder must exist.
    pub(super) fn place(&self, path: &RepoPath) -> Result<Place, ApplyError> {
        self.place_if_any(path)?
            .ok_or_else(|| ApplyError::Missing { path: path.clone() })
    }

    /// The place of `path`, or `None` when its folder does not exist.
    pub(super) fn place_if_any(&self, path: &RepoPath) -> Result<Option<Place>, ApplyError> {
        match self.walk(path, &mut None) {
            Ok(place) => Ok(Some(place)),
            Err(ApplyError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The place of `path`; folders that are missing are made and recorded.
    pub(super) fn place_creating(
        &self,
        path: &RepoPath,
        created: &mut Vec<RepoPath>,
    ) -> Result<Place, ApplyError> {
        self.walk(path, &mut Some(created))
    }

    pub(super) fn remove_empty_folder(&self, path: &RepoPath) {
        if let Ok(place) = self.place(path) {
            let _ = rustix::fs::unlinkat(&place.folder, place.name.as_str(), AtFlags::REMOVEDIR);
        }
    }

    fn walk(&self, path: &RepoPath, created: &mut Option<&mut Vec<RepoPath>>) -> Result<Place, ApplyError> {
        let mut folder = self
            .handle
            .try_clone()
            .map_err(|source| system("open", path, source))?;
        let parts: Vec<&str> = path.as_str().split('/').collect();
        let (name, folders) = match parts.split_last() {
            Some((name, folders)) => (*name, folders),
            None => (path.as_str(), &[][..]),
        };
        for (index, part) in folders.iter().enumerate() {
            folder = match rustix::fs::openat(&folder, *part, FOLDER, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT) => {
                    let Some(created) = created.as_deref_mut() else {
                        return Err(ApplyError::Missing { path: path.clone() });
                    };
                    rustix::fs::mkdirat(&folder, *part, Mode::from_raw_mode(0o777))
                        .map_err(|errno| system("make the folder of", path, errno.into()))?;
                    let walked = parts.get(..=index).unwrap_or_default().join("/");
                    created.extend(RepoPath::parse(&walked));
                    rustix::fs::openat(&folder, *part, FOLDER, Mode::empty())
                        .map_err(|errno| refused(path, errno))?
                }
                Err(errno) => return Err(refused(path, errno)),
            };
        }
        Ok(Place {
            folder,
            name: name.to_owned(),
            path: path.clone(),
        })
    }
}

impl Place {
    /// Checks that a regular file with this content is here; gives its mode.
    pub(super) fn check_content(&self, expected: &str) -> Result<Mode, ApplyError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let handle = match rustix::fs::openat(&self.folder, self.name.as_str(), flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => {
                return Err(ApplyError::Missing {
                    path: self.path.clone(),
                });
            }
            Err(errno) => return Err(refused(&self.path, errno)),
        };
        let status = rustix::fs::fstat(&handle).map_err(|errno| self.system("look at", errno.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(ApplyError::NotAFile {
                path: self.path.clone(),
            });
        }
        let mut content = Vec::with_capacity(expected.len() + 1);
        let limit = u64::try_from(expected.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        File::from(handle)
            .take(limit)
            .read_to_end(&mut content)
            .map_err(|source| self.system("read", source))?;
        if content != expected.as_bytes() {
            return Err(ApplyError::Changed {
                path: self.path.clone(),
            });
        }
        Ok(Mode::from_raw_mode(status.st_mode & 0o7777))
    }

    pub(super) fn check_absent(&self) -> Result<(), ApplyError> {
        match rustix::fs::statat(&self.folder, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Ok(_) => Err(ApplyError::Exists {
                path: self.path.clone(),
            }),
            Err(errno) => Err(refused(&self.path, errno)),
        }
    }

    /// Writes `text` into a new file beside the place; gives its name.
    pub(super) fn stage(&self, text: &str, mode: Option<Mode>) -> Result<String, ApplyError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (name, handle) = loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!(".tenon-{}-{number}.tmp", std::process::id());
            match rustix::fs::openat(&self.folder, name.as_str(), flags, Mode::from_raw_mode(0o666)) {
                Ok(handle) => break (name, handle),
                // Left over from a process that was killed; another number is free.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.system("write beside", errno.into())),
            }
        };
        let mut file = File::from(handle);
        let written = file.write_all(text.as_bytes()).and_then(|()| match mode {
            Some(mode) => rustix::fs::fchmod(&file, mode).map_err(io::Error::from),
            None => Ok(()),
        });
        match written {
            Ok(()) => Ok(name),
            Err(source) => {
                self.discard(&name);
                Err(self.system("write", source))
            }
        }
    }

    pub(super) fn discard(&self, temporary: &str) {
        let _ = rustix::fs::unlinkat(&self.folder, temporary, AtFlags::empty());
    }

    /// Puts a staged file in place of whatever has the name.
    pub(super) fn replace(&self, temporary: &str) -> Result<(), ApplyError> {
        rustix::fs::renameat(&self.folder, temporary, &self.folder, self.name.as_str())
            .map_err(|errno| self.system("replace", errno.into()))
    }

    /// Puts a staged file where nothing has the name.
    pub(super) fn create(&self, temporary: &str) -> Result<(), ApplyError> {
        let name = self.name.as_str();
        match rustix::fs::renameat_with(
            &self.folder,
            temporary,
            &self.folder,
            name,
            RenameFlags::NOREPLACE,
        ) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(ApplyError::Exists {
                path: self.path.clone(),
            }),
            // Some file systems cannot rename without replacing.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.check_absent()?;
                self.replace(temporary)
            }
            Err(errno) => Err(self.system("create", errno.into())),
        }
    }

    pub(super) fn remove(&self) -> Result<(), ApplyError> {
        match rustix::fs::unlinkat(&self.folder, self.name.as_str(), AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => Err(ApplyError::Missing {
                path: self.path.clone(),
            }),
            Err(errno) => Err(self.system("delete", errno.into())),
        }
    }

    fn system(&self, doing: &'static str, source: io::Error) -> ApplyError {
        system(doing, &self.path, source)
    }
}

fn refused(path: &RepoPath, errno: Errno) -> ApplyError {
    match errno {
        Errno::LOOP | Errno::NOTDIR | Errno::MLINK => ApplyError::Link { path: path.clone() },
        Errno::ISDIR | Errno::NXIO => ApplyError::NotAFile { path: path.clone() },
        errno => system("open", path, errno.into()),
    }
}

fn system(doing: &'static str, path: &RepoPath, source: io::Error) -> ApplyError {
    ApplyError::System {
        doing,
        path: path.to_string(),
        source,
    }
}
