//! Ollama answers.

use std::time::{Duration, Instant};

use futures::StreamExt;
use jex_providers::{
    ChatMessage, ChatRequest, LanguageModel, Piece, ProviderError, Providers, SentenceSplitter,
    ToolSpec,
};
use serde_json::json;

use crate::servers::Servers;
use crate::{Test, wait};

pub const TESTS: &[(&str, Test)] = &[
    (
        "ollama_knows_the_capital_of_france",
        ollama_knows_the_capital_of_france,
    ),
    (
        "a_fixed_seed_gives_the_same_answer",
        a_fixed_seed_gives_the_same_answer,
    ),
    (
        "a_missing_model_is_named_with_its_remedy",
        a_missing_model_is_named_with_its_remedy,
    ),
    (
        "a_model_that_knows_no_tools_is_told_apart",
        a_model_that_knows_no_tools_is_told_apart,
    ),
    (
        "a_dropped_answer_stops_ollama",
        a_dropped_answer_stops_ollama,
    ),
];

fn ask(text: &str, max_tokens: u32) -> ChatRequest {
    ChatRequest {
        messages: vec![
            ChatMessage::System("You are a helpful AI assistant named JEX.".into()),
            ChatMessage::User(text.into()),
        ],
        tools: Vec::new(),
        max_tokens,
    }
}

async fn answer(llm: &dyn LanguageModel, request: ChatRequest) -> Result<String, ProviderError> {
    let mut pieces = llm.generate(request).await?;
    let mut answer = String::new();
    while let Some(piece) = pieces.next().await {
        answer.push_str(&text(piece?));
    }
    Ok(answer)
}

fn text(piece: Piece) -> String {
    match piece {
        Piece::Text(text) => text,
        Piece::ToolCalls(calls) => panic!("the model calls tools: {calls:?}"),
    }
}

fn ollama_knows_the_capital_of_france(servers: &Servers) {
    wait(async {
        let Providers { llm, .. } = servers.providers();
        assert_eq!(llm.name(), "jex-demo (Ollama)");
        let begun = Instant::now();
        let mut pieces = llm
            .generate(ask("What is the capital of France?", 60))
            .await
            .expect("an answer");
        let mut splitter = SentenceSplitter::new();
        let (mut whole, mut sentences, mut count) = (String::new(), Vec::new(), 0);
        let mut first_token = None;
        while let Some(piece) = pieces.next().await {
            let piece = text(piece.expect("no error"));
            first_token.get_or_insert_with(|| begun.elapsed());
            count += 1;
            sentences.extend(splitter.push(&piece));
            whole.push_str(&piece);
        }
        sentences.extend(splitter.finish());

        println!(
            "{count} pieces, the first after {first_token:?}, all after {:?}",
            begun.elapsed()
        );
        println!("{sentences:?}");
        assert!(whole.contains("Paris"), "{whole}");
        assert!(count > 3, "it did not stream: {count} pieces");
        let written: String = sentences.iter().map(|s| s.written.as_str()).collect();
        assert_eq!(written, whole);
    });
}

fn a_fixed_seed_gives_the_same_answer(servers: &Servers) {
    wait(async {
        let Providers { llm, .. } = servers.providers_with(|s| s.llm.temperature = 0.9);
        let request = || ask("Tell me about the sea.", 30);

        let first = answer(&*llm, request()).await.expect("an answer");
        let second = answer(&*llm, request()).await.expect("an answer");
        let other = servers.providers_with(|s| (s.llm.temperature, s.llm.seed) = (0.9, Some(99)));
        let third = answer(&*other.llm, request()).await.expect("an answer");

        assert_eq!(first, second);
        assert_ne!(first, third, "the seed is not heeded");
    });
}

fn a_missing_model_is_named_with_its_remedy(servers: &Servers) {
    wait(async {
        let Providers { llm, .. } = servers.providers_with(|s| s.llm.model = "nonesuch:7b".into());

        let error = answer(&*llm, ask("Hello?", 5))
            .await
            .expect_err("no such model");

        println!("{error}");
        assert!(matches!(error, ProviderError::Refused { .. }), "{error}");
        assert!(
            error.remedy().contains("jex model use nonesuch:7b"),
            "{error}"
        );
        assert!(
            error.remedy().contains("ollama pull nonesuch:7b"),
            "{error}"
        );
    });
}

fn a_model_that_knows_no_tools_is_told_apart(servers: &Servers) {
    wait(async {
        let Providers { llm, .. } = servers.providers();
        let mut request = ask("What is the capital of France?", 20);
        request.tools.push(ToolSpec {
            name: "clock".into(),
            description: "Tells the time.".into(),
            parameters: json!({"type": "object", "properties": {}}),
        });

        let error = answer(&*llm, request.clone())
            .await
            .expect_err("the packaged model knows no tools");
        request.tools.clear();
        let without = answer(&*llm, request).await;

        println!("{error}");
        assert!(matches!(error, ProviderError::NoTools { .. }), "{error:?}");
        assert!(error.remedy().contains("llm.model"), "{error}");
        assert!(without.is_ok_and(|text| text.contains("Paris")));
    });
}

fn a_dropped_answer_stops_ollama(servers: &Servers) {
    wait(async {
        let Providers { llm, .. } = servers.providers();
        let story = ask(
            "Write a very long story about a ship, with many chapters.",
            1500,
        );
        let mut pieces = llm.generate(story).await.expect("an answer");
        pieces.next().await.expect("a word").expect("no error");
        let before = cpu_time(servers);
        let works = async || cpu_time(servers) > before + Duration::from_millis(200);
        assert!(within(PATIENCE, works).await, "it was not generating");

        drop(pieces);
        let dropped = Instant::now();
        let rests = async || {
            let before = cpu_time(servers);
            tokio::time::sleep(Duration::from_millis(500)).await;
            cpu_time(servers) - before < Duration::from_millis(30)
        };
        assert!(within(PATIENCE, rests).await, "it still generates");

        println!(
            "Ollama rested at most {:?} after the drop",
            dropped.elapsed()
        );
        let next = answer(&*llm, ask("What is the capital of France?", 20)).await;
        assert!(next.is_ok_and(|text| text.contains("Paris")));
    });
}

/// The story of the test above lasts longer: 1500 tokens are 20 s even at 75 tokens a second.
const PATIENCE: Duration = Duration::from_secs(8);

/// Whether something becomes true in time.
async fn within(limit: Duration, mut is_true: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if is_true().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// CPU time of Ollama and its runner so far.
fn cpu_time(servers: &Servers) -> Duration {
    let group = servers.ollama.pid().to_string();
    let stats = std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            let fields: Vec<&str> = rest.split_whitespace().collect();
            // proc(5): fields 5, 14 and 15, counted from 1; the first two are cut off.
            let (user, system): (u64, u64) = (fields[11].parse().ok()?, fields[12].parse().ok()?);
            (fields[2] == group).then_some(user + system)
        });
    // Linux counts in hundredths of a second.
    Duration::from_millis(10 * stats.sum::<u64>())
}
