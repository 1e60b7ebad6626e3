use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tenon_domain::Digest;

use super::FolderError;
use crate::gguf::GgufSummary;

/// A model of the user: a GGUF file that stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedModel {
    /// The name it is asked for by.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The size of the file when it was added.
    pub bytes: u64,
    /// The digest of the file when it was added.
    pub digest: Digest,
    /// What the file says about itself.
    pub gguf: GgufSummary,
}

const FILE: &str = "added.json";
const MAX_BYTES: u64 = 4 << 20;
const MAX_NAME: usize = 64;

#[derive(Default, Serialize, Deserialize)]
struct Registry {
    models: Vec<AddedModel>,
}

pub(super) fn read(root: &Path) -> Result<Vec<AddedModel>, FolderError> {
    let path = root.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FolderError::io("read", &path, source)),
    };
    let mut text = String::new();
    let read = file.take(MAX_BYTES).read_to_string(&mut text);
    read.map_err(|source| FolderError::io("read", &path, source))?;
    let registry: Registry = serde_json::from_str(&text).map_err(|error| FolderError::Registry {
        path,
        reason: error.to_string(),
    })?;
    Ok(registry.models)
}

/// Adds `model`, or replaces the one of that name when it is the same file.
pub(super) fn insert(root: &Path, model: &AddedModel) -> Result<(), FolderError> {
    change(root, |models| {
        let same_name = models
            .iter()
            .position(|known| known.name.eq_ignore_ascii_case(&model.name));
        match same_name.and_then(|index| models.get_mut(index)) {
            Some(known) if known.path == model.path => *known = model.clone(),
            Some(_) => {
                return Err(FolderError::NameTaken {
                    name: model.name.clone(),
                });
            }
            None => models.push(model.clone()),
        }
        Ok(())
    })
}

pub(super) fn remove(root: &Path, name: &str) -> Result<(), FolderError> {
    change(root, |models| {
        models.retain(|model| model.name != name);
        Ok(())
    })
}

/// The file's name without its ending, made into a name.
pub(super) fn name_from_file(path: &Path) -> Result<String, FolderError> {
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let name: String = stem
        .chars()
        .map(|character| {
            if is_name_character(character) {
                character
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_start_matches(|character: char| !character.is_ascii_alphanumeric());
    check_name(name.get(..MAX_NAME).unwrap_or(name))
}

pub(super) fn check_name(name: &str) -> Result<String, FolderError> {
    let begins = name.starts_with(|character: char| character.is_ascii_alphanumeric());
    if begins && name.len() <= MAX_NAME && name.chars().all(is_name_character) {
        Ok(name.to_owned())
    } else {
        Err(FolderError::BadName {
            name: name.to_owned(),
        })
    }
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

fn change(
    root: &Path,
    edit: impl FnOnce(&mut Vec<AddedModel>) -> Result<(), FolderError>,
) -> Result<(), FolderError> {
    let path = root.join(FILE);
    let fail = |source| FolderError::io("write", &path, source);
    fs::create_dir_all(root).map_err(|source| FolderError::io("make", root, source))?;
    // Two commands that add at once must not lose one of the models.
    let lock = File::create(root.join(".added.lock")).map_err(fail)?;
    lock.lock().map_err(fail)?;
    let mut models = read(root)?;
    edit(&mut models)?;
    let text = serde_json::to_vec_pretty(&Registry { models })
        .map_err(io::Error::other)
        .map_err(fail)?;
    write_atomically(&path, &text).map_err(fail)
}

/// Readers see the old content or the new, never a part.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Temporary files are for one user alone, and a models folder may serve several.
    let permissions = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
