//! A moment as PostgreSQL keeps it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type};

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts: microseconds after 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
/// `timestamptz` in PostgreSQL's catalogue of types, of old and for ever.
const TIMESTAMPTZ: Oid = Oid(1184);

/// A moment in whole microseconds, so that it comes back as it was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub struct Moment(i64);

impl Moment {
    pub fn now() -> Self {
        Timestamp::now().into()
    }

    /// Microseconds after 1970-01-01T00:00:00Z.
    pub fn micros(self) -> i64 {
        self.0
    }

    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).expect("it was made from a timestamp")
    }

    /// That much earlier, or the earliest there is.
    pub fn before(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(
            self.0
                .saturating_sub(micros)
                .max(Timestamp::MIN.as_microsecond()),
        )
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        moment.timestamp()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0 - POSTGRES_EPOCH;
        <i64 as Encode<Postgres>>::encode_by_ref(&micros, buffer)
    }
}

impl Decode<'_, Postgres> for Moment {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = match value.format() {
            PgValueFormat::Binary => <i64 as Decode<Postgres>>::decode(value)?,
            PgValueFormat::Text => return Err("a moment is read from binary results only".into()),
        };
        let after_1970 = micros
            .checked_add(POSTGRES_EPOCH)
            .ok_or("infinity is no moment")?;
        Ok(Timestamp::from_microsecond(after_1970)?.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_as_text_is_read_as_the_same_moment(micros in -4_000_000_000_000_000_i64..4_000_000_000_000_000) {
            let moment = Moment(micros);

            let text = serde_json::to_string(&moment).unwrap();

            prop_assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
        }
    }

    #[test]
    fn nothing_is_earlier_than_the_earliest() {
        let earliest = Moment::now().before(Duration::MAX);

        assert_eq!(earliest.timestamp().as_second(), Timestamp::MIN.as_second());
    }
}
