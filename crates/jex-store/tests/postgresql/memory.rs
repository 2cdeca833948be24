use jex_store::*;
use uuid::Uuid;

use crate::room::*;

#[tokio::test]
async fn facts_are_kept_found_by_all_that_is_said_of_them_and_forgotten() {
    let room = Room::new().await;
    let bins = fact(None, "The bins go out on Tuesday.", minutes_ago(2));
    let key = fact(None, "The spare key is under the blue pot.", minutes_ago(1));
    room.write(&[bins.clone(), key.clone()]).await;

    let found = async |words, language| -> Vec<Uuid> {
        let facts = room.store.facts_that_say(words, language).await.unwrap();
        facts.iter().map(|fact| fact.id).collect()
    };
    assert_eq!(found("where the spare keys are", "en-GB").await, [key.id]);
    // In another language each word counts.
    assert_eq!(found("the spare key", "xx").await, [key.id]);
    assert!(found("spare keys", "xx").await.is_empty());
    for others in ["the name of the dog", "the key of the bin", "the", ""] {
        assert!(found(others, "en").await.is_empty(), "{others}");
    }
    let deleted = room
        .store
        .delete(Scope::Fact(bins.id), Moment::now())
        .await
        .unwrap();

    assert_eq!(deleted.facts, 1);
    let left: Vec<Uuid> = room
        .store
        .facts()
        .await
        .unwrap()
        .iter()
        .map(|fact| fact.id)
        .collect();
    assert_eq!(left, [key.id]);
}

#[tokio::test]
async fn an_announcement_is_due_until_it_is_spoken_and_comes_once() {
    let room = Room::new().await;
    let (water, bread) = (
        announcement("Drink water.", minutes_ago(2)),
        announcement("Bread!", minutes_ago(1)),
    );
    room.write(&[water.clone(), bread.clone(), water.clone()])
        .await;
    let due = async || {
        let due = room.store.announcements_due().await.unwrap();
        due.into_iter().map(|due| due.text).collect::<Vec<_>>()
    };
    assert_eq!(due().await, ["Drink water.", "Bread!"]);

    let spoken = Record::Spoken {
        announcement: water.id,
        conversation: Uuid::new_v4(),
    };
    room.write(&[Entry::new(Moment::now(), spoken), water])
        .await;

    assert_eq!(due().await, ["Bread!"]);
    let all = room.store.announcements(Page::first(10)).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[1].spoken_at.is_some());
}
