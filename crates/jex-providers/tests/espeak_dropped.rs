//! espeak-ng ends when nobody listens any more. Alone in its process: it counts that process's children.

mod espeak_program;

use std::time::{Duration, Instant};

use espeak_program::voice;
use jex_providers::TextToSpeech;

/// Processes of this test that run espeak-ng.
fn running() -> usize {
    let own = std::process::id().to_string();
    let children = std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let Some((name, rest)) = stat.rsplit_once(')') else {
                return false;
            };
            let mut fields = rest.split_whitespace();
            let state = fields.next();
            name.ends_with("(espeak-ng") && fields.next() == Some(&own) && state != Some("Z")
        });
    children.count()
}

#[tokio::test]
async fn dropping_the_audio_ends_the_program() {
    // A minute of speech: far more than fits into a pipe, so the program is still at it.
    let long = "The quick brown fox jumps over the lazy dog. ".repeat(25);

    let synthesis = voice("en").synthesize(&long).await.expect("speech");
    assert_eq!(running(), 1);
    drop(synthesis);

    let deadline = Instant::now() + Duration::from_secs(2);
    while running() > 0 {
        assert!(Instant::now() < deadline, "espeak-ng is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
