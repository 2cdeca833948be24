//! The process-wide choice of a crypto library, which TLS and WebRTC ask for.

/// Chooses aws-lc, unless the application has chosen before.
pub(crate) fn install() {
    // An error says that there is a choice already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    str0m::crypto::from_feature_flags().install_process_default();
}
