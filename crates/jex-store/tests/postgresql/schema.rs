use jex_store::{Store, StoreError};

use crate::room::Room;
use crate::support::shared;

#[tokio::test]
async fn the_schema_is_made_once_and_said_to_be() {
    let room = Room::empty(shared());
    let before = room.store.steps().await.unwrap();

    room.store.migrate().await.unwrap();
    room.store.migrate().await.unwrap();

    let after = room.store.steps().await.unwrap();
    assert!(before.len() >= 2 && before.iter().all(|step| step.taken.is_none()));
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|step| step.taken.is_some()));
    assert_eq!(after[0].name, "memory");
}

#[tokio::test]
async fn two_that_make_it_at_once_wait_for_one_another() {
    let room = Room::empty(shared());
    let other = Store::open(&room.address, None, room.head()).unwrap();

    let (one, two) = tokio::join!(room.store.migrate(), other.migrate());

    one.unwrap();
    two.unwrap();
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    let room = Room::empty(shared());
    // In the way of the last table of the first step.
    room.sql("create table journals (x int)");

    let error = room.store.migrate().await.unwrap_err();

    assert!(matches!(error, StoreError::Database { .. }), "{error}");
    assert_eq!(room.sql("select to_regclass('turns') is null").trim(), "t");
    room.sql("drop table journals");
    room.store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_jex_is_left_alone() {
    let room = Room::new().await;
    room.sql(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values (9999, 'later', true, '', 0)",
    );

    for error in [
        room.store.migrate().await.unwrap_err(),
        room.store.steps().await.unwrap_err(),
    ] {
        assert!(
            matches!(error, StoreError::Newer { version: 9999 }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn without_a_schema_the_remedy_is_named() {
    let room = Room::empty(shared());

    let error = room.store.facts().await.unwrap_err();

    assert!(matches!(error, StoreError::NotMigrated), "{error}");
    assert!(error.to_string().contains("jex db migrate"));
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    let error = Store::open("mysql://x", None, "/nowhere").unwrap_err();

    assert!(matches!(error, StoreError::Address { .. }), "{error}");
}
