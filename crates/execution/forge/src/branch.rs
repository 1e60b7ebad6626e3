use std::ffi::OsStr;

use tenon_domain::ChangeSet;

use crate::tree::TemporaryIndex;
use crate::{ForgeError, GitRepository, Identity};

impl GitRepository {
    /// Makes the branch `name` at the base commit with one commit on top that holds `change`,
    /// and returns the commit.
    ///
    /// Working tree, index and `HEAD` stay as they are.
    ///
    /// # Errors
    /// When the name is bad or taken, the change does not start from what the base commit holds, or Git fails. The
    /// branch does not exist then.
    pub fn commit_to_branch(
        &self,
        name: &str,
        change: &ChangeSet,
        message: &str,
    ) -> Result<String, ForgeError> {
        let reference = self.free_reference(name)?;
        let base = self.base_commit()?.ok_or(ForgeError::NoCommit)?;
        if change.is_empty() {
            return Err(ForgeError::NothingToCommit);
        }
        let index = TemporaryIndex::at(self, &base)?;
        index.apply(change)?;
        let tree = index.write()?;
        let identity = self.identity()?;
        let commit = self.commit_tree(&tree, &base, message, &identity)?;
        // All zeros: the branch must still not exist at the moment it is made.
        let absent = "0".repeat(commit.len());
        let arguments = [
            "update-ref",
            "-m",
            "tenon: a proposal",
            &reference,
            &commit,
            &absent,
        ];
        self.output(&arguments, &[], &identity.variables())?;
        Ok(commit)
    }

    /// The full reference of a branch that does not exist yet.
    fn free_reference(&self, name: &str) -> Result<String, ForgeError> {
        let bad_name = || ForgeError::BranchName {
            name: name.escape_debug().to_string(),
        };
        // `HEAD` and a leading dash pass as references, but no command could name the branch afterwards.
        if name.starts_with('-') || name == "HEAD" || name.contains('\0') {
            return Err(bad_name());
        }
        let reference = format!("refs/heads/{name}");
        if !self.run(&["check-ref-format", &reference], &[], &[])?.succeeded() {
            return Err(bad_name());
        }
        let exists = self.run(&["show-ref", "--verify", "--quiet", &reference], &[], &[])?;
        if exists.succeeded() {
            return Err(ForgeError::BranchExists {
                name: name.to_owned(),
            });
        }
        Ok(reference)
    }

    fn commit_tree(
        &self,
        tree: &str,
        parent: &str,
        message: &str,
        identity: &Identity,
    ) -> Result<String, ForgeError> {
        let variables: [(&str, &OsStr); 4] = identity.variables();
        let arguments = ["commit-tree", "-p", parent, "-F", "-", tree];
        let commit = self.output(&arguments, message.as_bytes(), &variables)?;
        Ok(String::from_utf8_lossy(&commit).trim().to_owned())
    }
}
