//! Where espeak-ng is.

use std::path::PathBuf;

use jex_config::parts::Parts;
use jex_providers::EspeakNg;

fn program() -> PathBuf {
    let paths = jex_config::Paths::from_env().expect("the usual folders");
    let parts = Parts::load(&paths).expect("a readable parts.toml");
    let espeak = Parts::require(&parts.espeak_ng, "espeak-ng");
    espeak.expect("espeak-ng: run `./dev parts`").to_owned()
}

pub fn voice(language: &str) -> EspeakNg {
    EspeakNg::new(program(), language)
}
