//! Trees that come as one file: tar, compressed or not. Whoever sends one is not trusted.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use ignore::WalkBuilder;
use tar::EntryType;

/// How much a tree may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveBounds {
    /// Files and folders.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Default for ArchiveBounds {
    fn default() -> Self {
        Self {
            entries: 50_000,
            bytes: 512 * 1024 * 1024,
        }
    }
}

/// What an archive holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read, or not be written.
    #[error("the archive cannot be read: {0}; send a tar file, compressed with gzip or not")]
    Io(#[from] io::Error),
    /// A name leads out of the tree, or into Git's own folder.
    #[error("`{0}` in the archive is no path inside a tree: names may not be absolute, hold `..` or `.git`")]
    Path(String),
    /// Something other than a file or a folder.
    #[error("`{0}` in the archive is a link or a device: only files and folders are taken")]
    Kind(String),
    /// One name twice, or a file where a folder is.
    #[error("`{0}` is twice in the archive")]
    Twice(String),
    /// It holds too much.
    #[error("the archive holds more than {} files or {} MiB", .0.entries, .0.bytes / 1024 / 1024)]
    TooLarge(ArchiveBounds),
    /// It holds nothing.
    #[error("the archive holds no file")]
    Empty,
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const LONGEST_PATH: usize = 1024;
/// Of a file or a folder, on every usual file system.
const LONGEST_NAME: usize = 255;
/// Of what stands before an entry because its name is long, or something else is to be said of it.
const LARGEST_PREFACE: u64 = 64 * 1024;

/// Reads an archive to its end and says what is in it; nothing is written.
///
/// # Errors
/// When it may not be unpacked.
pub fn inspect(archive: &[u8], bounds: ArchiveBounds) -> Result<ArchiveSummary, ArchiveError> {
    walk(archive, bounds, |_, reader| io::copy(reader, &mut io::sink()))
}

/// Unpacks an archive into an empty folder.
///
/// # Errors
/// When it may not be unpacked; what was written by then is left.
pub fn unpack(archive: &[u8], folder: &Path, bounds: ArchiveBounds) -> Result<ArchiveSummary, ArchiveError> {
    walk(archive, bounds, |file, reader| {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mode = if file.is_executable { 0o755 } else { 0o644 };
        let mut options = OpenOptions::new();
        let mut written = options.create_new(true).write(true).mode(mode).open(&path)?;
        io::copy(reader, &mut written)
    })
}

/// Packs a folder: what Git would look at, without Git's own folder.
///
/// # Errors
/// When it cannot be read, or holds more than may be unpacked.
pub fn pack(folder: &Path, bounds: ArchiveBounds) -> Result<Vec<u8>, ArchiveError> {
    let encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut builder = tar::Builder::new(encoder);
    builder.follow_symlinks(false);
    let mut summary = ArchiveSummary::default();
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .ignore(false)
        .parents(false)
        .git_global(false)
        .require_git(false)
        .filter_entry(|entry| !entry.file_name().eq_ignore_ascii_case(".git"))
        .build();
    for entry in walk {
        let entry = entry.map_err(io::Error::other)?;
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let Some(path) = entry.path().strip_prefix(folder).ok().filter(|_| is_file) else {
            continue;
        };
        summary.files += 1;
        summary.bytes += entry.metadata().map_err(io::Error::other)?.len();
        if summary.files > bounds.entries || summary.bytes > bounds.bytes {
            return Err(ArchiveError::TooLarge(bounds));
        }
        builder.append_path_with_name(entry.path(), path)?;
    }
    match summary.files {
        0 => Err(ArchiveError::Empty),
        _ => Ok(builder.into_inner()?.finish()?),
    }
}

struct File {
    path: PathBuf,
    is_executable: bool,
}

fn walk(
    archive: &[u8],
    bounds: ArchiveBounds,
    mut take: impl FnMut(&File, &mut dyn Read) -> io::Result<u64>,
) -> Result<ArchiveSummary, ArchiveError> {
    refuse_long_prefaces(archive, bounds)?;
    let mut tar = open(archive, bounds);
    let mut summary = ArchiveSummary::default();
    let mut seen = BTreeSet::new();
    let mut entries = 0;
    for entry in tar.entries()? {
        let mut entry = entry?;
        entries += 1;
        if entries > bounds.entries {
            return Err(ArchiveError::TooLarge(bounds));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
            // What `git archive` says of the whole.
            EntryType::XGlobalHeader => continue,
            _ => return Err(ArchiveError::Kind(shown(&name))),
        }
        let Some(path) = inside(&name)? else { continue };
        if kind == EntryType::Directory {
            continue;
        }
        summary.bytes = summary.bytes.saturating_add(entry.size());
        if summary.bytes > bounds.bytes {
            return Err(ArchiveError::TooLarge(bounds));
        }
        let is_below_a_file = path.ancestors().skip(1).any(|above| seen.contains(above));
        // What lies below a path follows it in the order of paths.
        let is_taken = seen
            .range(path.clone()..)
            .next()
            .is_some_and(|next: &PathBuf| next.starts_with(&path));
        if is_below_a_file || is_taken {
            return Err(ArchiveError::Twice(shown(&name)));
        }
        seen.insert(path.clone());
        let file = File {
            path,
            is_executable: entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0),
        };
        let size = entry.size();
        if take(&file, &mut entry)? != size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        summary.files += 1;
    }
    match summary.files {
        0 => Err(ArchiveError::Empty),
        _ => Ok(summary),
    }
}

fn open(archive: &[u8], bounds: ArchiveBounds) -> tar::Archive<Box<dyn Read + '_>> {
    let reader: Box<dyn Read + '_> = match archive.starts_with(&GZIP) {
        true => Box::new(MultiGzDecoder::new(archive)),
        false => Box::new(archive),
    };
    // Headers count, too: an archive of empty files is long as well.
    let longest = bounds.bytes.saturating_add(bounds.entries as u64 * 2048);
    tar::Archive::new(Box::new(reader.take(longest)))
}

/// What stands before an entry is read into memory whole, before anybody is asked about the entry.
fn refuse_long_prefaces(archive: &[u8], bounds: ArchiveBounds) -> Result<(), ArchiveError> {
    for entry in open(archive, bounds).entries()?.raw(true) {
        let entry = entry?;
        let is_preface = matches!(
            entry.header().entry_type(),
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader
        );
        if is_preface && entry.size() > LARGEST_PREFACE {
            return Err(ArchiveError::TooLarge(bounds));
        }
    }
    Ok(())
}

/// The path of an entry inside the tree; none for the tree itself.
fn inside(name: &str) -> Result<Option<PathBuf>, ArchiveError> {
    let wrong = || ArchiveError::Path(shown(name));
    let is_fit = name.len() <= LONGEST_PATH && !name.contains(['\0', '\\', '\u{fffd}']);
    if !is_fit {
        return Err(wrong());
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) if part.len() <= LONGEST_NAME && !part.eq_ignore_ascii_case(".git") => {
                path.push(part)
            }
            Component::CurDir => {}
            _ => return Err(wrong()),
        }
    }
    Ok((path != Path::new("")).then_some(path))
}

fn shown(name: &str) -> String {
    name.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn header(size: u64, kind: EntryType) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_entry_type(kind);
        header
    }

    /// A name that the builder itself would refuse.
    fn raw(name: &str, kind: EntryType, text: &[u8]) -> Vec<u8> {
        let mut header = header(text.len() as u64, kind);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(text);
        bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
        bytes
    }

    fn tree(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = header(text.len() as u64, EntryType::Regular);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_tree_is_unpacked_compressed_or_not() {
        let plain = tree(&[("a.py", "one = 1\n"), ("./src/b.py", "two = 2\n")]);
        for archive in [plain.clone(), gzip(&plain)] {
            let folder = tempfile::tempdir().unwrap();
            let summary = unpack(&archive, folder.path(), ArchiveBounds::default()).unwrap();
            assert_eq!(summary, ArchiveSummary { files: 2, bytes: 16 });
            assert_eq!(inspect(&archive, ArchiveBounds::default()).unwrap(), summary);
            let text = fs::read_to_string(folder.path().join("src/b.py")).unwrap();
            assert_eq!(text, "two = 2\n");
        }
    }

    #[test]
    fn a_folder_is_packed_without_what_git_would_not_look_at() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a.py", "one = 1\n"),
            (".gitignore", "secret.env\n"),
            ("secret.env", "KEY=1\n"),
            (".git/config", "[core]\n"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let packed = pack(folder.path(), ArchiveBounds::default()).unwrap();
        let out = tempfile::tempdir().unwrap();
        unpack(&packed, out.path(), ArchiveBounds::default()).unwrap();
        let mut names: Vec<_> = fs::read_dir(out.path())
            .unwrap()
            .map(|one| one.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, [".gitignore", "a.py"]);
    }

    #[test]
    fn nothing_leads_out_of_the_tree() {
        for name in [
            "../a",
            "/etc/passwd",
            "a/../../b",
            ".git/hooks/post-checkout",
            "src/.GIT/config",
            "a\\b",
        ] {
            let refused = inspect(&raw(name, EntryType::Regular, b"x"), ArchiveBounds::default());
            assert!(
                matches!(refused, Err(ArchiveError::Path(_))),
                "{name}: {refused:?}"
            );
        }
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Fifo,
            EntryType::Char,
            EntryType::Block,
        ] {
            let refused = inspect(&raw("a", kind, b""), ArchiveBounds::default());
            assert!(
                matches!(refused, Err(ArchiveError::Kind(_))),
                "{kind:?}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_bomb_is_stopped_and_a_name_counts_once() {
        let bounds = ArchiveBounds {
            entries: 3,
            bytes: 1000,
        };
        let zeros = "\0".repeat(1001);
        let bomb = gzip(&tree(&[("zeros", &zeros)]));
        assert!(bomb.len() < 300);
        assert!(matches!(inspect(&bomb, bounds), Err(ArchiveError::TooLarge(_))));
        let many = tree(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]);
        assert!(matches!(inspect(&many, bounds), Err(ArchiveError::TooLarge(_))));
        for twice in [
            [("a", "1"), ("a", "2")],
            [("a", "1"), ("a/b", "2")],
            [("a/b", "1"), ("a", "2")],
        ] {
            assert!(matches!(
                inspect(&tree(&twice), bounds),
                Err(ArchiveError::Twice(_))
            ));
        }
        let long = raw("long", EntryType::GNULongName, &[b'a'; 70_000]);
        let refused = inspect(&gzip(&long), ArchiveBounds::default());
        assert!(matches!(refused, Err(ArchiveError::TooLarge(_))), "{refused:?}");
        assert!(matches!(inspect(&tree(&[]), bounds), Err(ArchiveError::Empty)));
    }

    #[test]
    fn what_is_no_archive_or_half_of_one_is_refused() {
        let whole = tree(&[("a", &"x".repeat(5000))]);
        for wrong in [
            &b"no archive at all"[..],
            &whole[..2000],
            &gzip(&whole)[..40],
            b"",
        ] {
            assert!(inspect(wrong, ArchiveBounds::default()).is_err());
        }
    }
}
