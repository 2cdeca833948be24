//! The address that lets one browser in, in a file that only its owner can read.

use std::fs;
use std::path::Path;

use url::Url;

use crate::{Code, PairingError, file};

/// Replaces what `file` shows. The code stands in the fragment, which browsers keep to themselves: it
/// reaches no log.
pub fn show(file: &Path, public: &Url, code: &Code) -> Result<(), PairingError> {
    let mut address = public.clone();
    address.set_path("/pair");
    address.set_fragment(Some(&code.to_string()));
    file::replace(file, format!("{address}\n").as_bytes())
        .map_err(|error| PairingError::writing(file, &error))
}

/// What `file` shows.
pub fn read(file: &Path) -> Result<String, PairingError> {
    let text = fs::read_to_string(file).map_err(|error| PairingError::reading(file, &error))?;
    Ok(text.trim().to_owned())
}

/// Takes it away: nobody is let in by it any more.
pub fn hide(file: &Path) -> Result<(), PairingError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(PairingError::writing(file, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_whole_address_with_the_code_where_no_log_sees_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pairing-address");
        let public = "https://jex.local:8443".parse().unwrap();
        let code = Code::parse("BCDF-GHJK-LMNP-QRST").unwrap();

        show(&file, &public, &code).unwrap();

        let shown = read(&file).unwrap();
        assert_eq!(shown, "https://jex.local:8443/pair#BCDF-GHJK-LMNP-QRST");
        hide(&file).unwrap();
        hide(&file).unwrap();
        assert!(matches!(read(&file), Err(PairingError::Missing { .. })));
    }
}
