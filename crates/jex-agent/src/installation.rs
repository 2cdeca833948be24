//! Who we are among the agents of one LiveKit: the same after each restart.

use std::io::{self, ErrorKind};
use std::path::Path;

/// Reads the id of this installation from JEX's state folder, or makes one.
pub fn id(state: &Path) -> io::Result<String> {
    let file = state.join("agent-id");
    match std::fs::read_to_string(&file) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    std::fs::create_dir_all(state)?;
    std::fs::write(&file, format!("{id}\n"))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_itself_after_a_restart_and_nobody_else() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

        let first = id(one.path()).unwrap();
        let again = id(one.path()).unwrap();

        assert_eq!(first, again);
        assert_ne!(first, id(other.path()).unwrap());
    }
}
