//! 10 000 conversations of 50 turns, on a real PostgreSQL: listed, shown and searched within 50 ms each.

#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use jex_store::{Moment, Page, Scope, Store};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::{Connection as _, PgConnection};
use support::Postgres;
use uuid::Uuid;

const CONVERSATIONS: usize = 10_000;
const TURNS: usize = 50;
const WITHIN: Duration = Duration::from_millis(50);
const BUSY_FOR: Duration = Duration::from_secs(20);
/// That each question is asked.
const TIMES: usize = 15;
/// Written at once.
const BATCH: usize = 100;

/// Words as people use them: the first of them is in every few words, most are rare.
struct Vocabulary {
    words: Vec<String>,
    /// How often one of the first so many is taken, of all.
    up_to: Vec<f64>,
}

impl Vocabulary {
    fn new(size: usize) -> Self {
        let mut sum = 0.0;
        let mut up_to: Vec<f64> = (1..=size)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        up_to.iter_mut().for_each(|share| *share /= sum);
        Self {
            words: (0..size).map(word).collect(),
            up_to,
        }
    }

    fn said(&self, words: usize, rng: &mut StdRng) -> String {
        let taken = (0..words).map(|_| {
            let share: f64 = rng.random();
            let at = self.up_to.partition_point(|up_to| *up_to < share);
            self.words[at.min(self.words.len() - 1)].as_str()
        });
        taken.collect::<Vec<_>>().join(" ")
    }
}

/// The shorter, the more often it is used.
fn word(mut rank: usize) -> String {
    let mut word = String::from("q");
    loop {
        word.push(char::from(b'a' + (rank % 25) as u8));
        rank /= 25;
        if rank == 0 {
            return word;
        }
    }
}

/// A conversation an hour, the newest now. Straight into the tables, since it is the reading that is measured.
async fn generate(connection: &mut PgConnection, vocabulary: &Vocabulary) -> Vec<Uuid> {
    let mut rng = StdRng::seed_from_u64(5);
    let mut ids = Vec::new();
    for first in (0..CONVERSATIONS).step_by(BATCH) {
        let conversations: Vec<Uuid> = (0..BATCH).map(|_| Uuid::from_u128(rng.random())).collect();
        sqlx::query(
            "insert into conversations (id, began, ended, room, language) \
             select id, began, began + interval '10 minutes', 'talk-' || left(id::text, 8), 'en' \
             from (select id, now() - ($2 - n) * interval '1 hour' as began from unnest($1) with ordinality as u (id, n)) as c",
        )
        .bind(&conversations)
        .bind((CONVERSATIONS - first) as i64)
        .execute(&mut *connection)
        .await
        .unwrap();
        let said: Vec<String> = (0..BATCH * TURNS)
            .map(|n| {
                let words = if n % 2 == 0 { 3..16 } else { 10..40 };
                vocabulary.said(rng.random_range(words), &mut rng)
            })
            .collect();
        sqlx::query(
            "insert into turns (id, conversation, at, speaker, participant, said, typed, interrupted, stt, llm, tts) \
             select gen_random_uuid(), c.id, c.began + (n - 1) % $3 * interval '10 seconds', \
                 case when n % 2 = 1 then 'caller' else 'assistant' end, \
                 case when n % 2 = 1 then 'owner' else 'agent' end, said, false, false, \
                 case when n % 2 = 1 then 'whisper' end, case when n % 2 = 0 then 'llama3.1:8b' end, \
                 case when n % 2 = 0 then 'piper' end \
             from unnest($1) with ordinality as u (said, n) \
             join conversations c on c.id = ($2::uuid[])[(n - 1) / $3 + 1]",
        )
        .bind(&said)
        .bind(&conversations)
        .bind(TURNS as i64)
        .execute(&mut *connection)
        .await
        .unwrap();
        ids.extend(conversations);
    }
    ids
}

/// The least of its times, since a busy machine only adds; where it is busy for longer, of more of them.
async fn least<T>(asked: impl AsyncFn() -> T) -> (Duration, T) {
    let mut least = Duration::MAX;
    let began = Instant::now();
    let mut times = 1;
    while times < TIMES || (least > WITHIN && began.elapsed() < BUSY_FOR) {
        let began = Instant::now();
        asked().await;
        least = least.min(began.elapsed());
        times += 1;
    }
    let began = Instant::now();
    let answer = asked().await;
    (least.min(began.elapsed()), answer)
}

#[tokio::test]
async fn ten_thousand_conversations_are_listed_shown_and_searched_at_once() {
    let postgres = Postgres::start();
    let address = postgres.database();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&address, None, folder.path().join("head")).unwrap();
    store.migrate().await.unwrap();
    let vocabulary = Vocabulary::new(30_000);
    let mut connection = PgConnection::connect(&address).await.unwrap();
    let began = Instant::now();
    let ids = generate(&mut connection, &vocabulary).await;
    println!("generated in {:.1?}", began.elapsed());
    let turns: i64 = sqlx::query_scalar("select count(*) from turns")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(turns, (CONVERSATIONS * TURNS) as i64);

    let mut slow = Vec::new();
    let mut judge = |what: &str, took: Duration, found: usize| {
        println!("{what}: {took:.1?}, {found} found");
        if took > WITHIN {
            slow.push(format!("{what}: {took:.1?}"));
        }
    };
    let (took, listed) = least(async || store.conversations(Page::first(50)).await.unwrap()).await;
    judge("list the newest 50", took, listed.len());
    let before = Some(
        listed[49]
            .began
            .before(Duration::from_secs(60 * 60 * 5_000)),
    );
    let (took, listed) = least(async || {
        store
            .conversations(Page { limit: 50, before })
            .await
            .unwrap()
    })
    .await;
    judge("list 50 of long ago", took, listed.len());
    let (took, shown) = least(async || store.conversation(ids[17]).await.unwrap().unwrap()).await;
    judge("show", took, shown.turns.len());
    // By how many of the turns have the word.
    for rank in [0, 10, 30, 40, 50, 60, 100, 500, 29_000] {
        let word = vocabulary.words[rank].as_str();
        let (took, found) =
            least(async || store.search(word, Page::first(50)).await.unwrap()).await;
        let share: i64 = sqlx::query_scalar(
            "select count(*) from turns where to_tsvector('simple', said) @@ websearch_to_tsquery('simple', $1)",
        )
        .bind(word)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        judge(
            &format!("search a word of {share} turns"),
            took,
            found.len(),
        );
    }
    let (took, found) =
        least(async || store.search("nowhere", Page::first(50)).await.unwrap()).await;
    judge("search what is nowhere", took, found.len());

    let bytes: i64 = sqlx::query_scalar(
        "select sum(pg_total_relation_size(c))::bigint from unnest('{conversations, turns}'::regclass[]) as c",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    println!(
        "{:.1} KB for each conversation",
        bytes as f64 / 1024.0 / CONVERSATIONS as f64
    );
    let began = Instant::now();
    store
        .delete(Scope::Conversation(ids[17]), Moment::now())
        .await
        .unwrap();
    println!("deleted one in {:.1?}", began.elapsed());
    let began = Instant::now();
    store.erase().await.unwrap();
    println!("erased it in {:.1?}", began.elapsed());
    assert!(slow.is_empty(), "{slow:?}");
}
