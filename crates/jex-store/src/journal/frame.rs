//! How entries lie in the journal's file.
//!
//! A header (eight bytes that name the layout, the file's id), then frames: the payload's length (four bytes, little
//! endian), the first eight bytes of its SHA-256, the payload. A crash can leave the last frame unfinished: it was
//! promised to nobody.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::record::Entry;

const LAYOUT: &[u8; 8] = b"JEXJRNL1";
/// Bytes before the first frame.
pub const HEADER: usize = LAYOUT.len() + 16;
const LENGTH: usize = 4;
const CHECK: usize = 8;
/// Bytes before a payload.
const FRAME: usize = LENGTH + CHECK;

pub fn header(id: Uuid) -> Vec<u8> {
    [&LAYOUT[..], id.as_bytes()].concat()
}

/// The id of the file that begins with these bytes, if it is a journal's.
pub fn id_of(bytes: &[u8]) -> Option<Uuid> {
    let id = bytes.strip_prefix(LAYOUT)?.get(..16)?;
    Uuid::from_slice(id).ok()
}

pub fn frame(entry: &Entry) -> Vec<u8> {
    let payload = serde_json::to_vec(entry).expect("an entry always serialises");
    let length = u32::try_from(payload.len()).expect("an entry is far smaller than 4 GiB");
    [&length.to_le_bytes()[..], &check(&payload), &payload].concat()
}

/// The payload of the first frame and the bytes that the frame takes; `None`: no whole frame is there.
pub fn first(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let (sum, rest) = rest.split_first_chunk::<CHECK>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let payload = rest.get(..length)?;
    (check(payload) == *sum).then_some((payload, FRAME + length))
}

/// How many of these bytes, from a frame's beginning, are whole frames.
pub fn whole(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some((_, length)) = first(&bytes[end..]) {
        end += length;
    }
    end
}

/// Where the next whole frame begins after something that the disk has spoilt at the beginning; `None`: there is none.
pub fn next(bytes: &[u8]) -> Option<usize> {
    // Four letters of an entry are as a length more than a journal holds, so hardly anything is summed.
    (1..bytes.len()).find(|at| first(&bytes[*at..]).is_some())
}

fn check(payload: &[u8]) -> [u8; CHECK] {
    let sum = Sha256::digest(payload);
    let mut first = [0; CHECK];
    first.copy_from_slice(&sum[..CHECK]);
    first
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Moment;
    use crate::record::Record;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry =
            ".{0,40}".prop_map(|text| Entry::new(Moment::now(), Record::Announcement { text }));
        prop::collection::vec(entry, 1..6)
    }

    proptest! {
        #[test]
        fn of_what_a_crash_left_the_whole_frames_are_read(entries in entries(), cut in any::<prop::sample::Index>()) {
            let frames: Vec<Vec<u8>> = entries.iter().map(frame).collect();
            let bytes = frames.concat();
            let cut = cut.index(bytes.len() + 1);

            let end = whole(&bytes[..cut]);

            let ends = frames.iter().scan(0, |end, frame| {
                *end += frame.len();
                Some(*end)
            });
            let expected = ends.take_while(|end| *end <= cut).last().unwrap_or(0);
            prop_assert_eq!(end, expected);
        }

        #[test]
        fn a_flipped_bit_ends_what_is_read_before_its_frame(
            entries in entries(), at in any::<prop::sample::Index>(), bit in 0_u8..8
        ) {
            let frames: Vec<Vec<u8>> = entries.iter().map(frame).collect();
            let mut bytes = frames.concat();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;

            prop_assert!(whole(&bytes) <= at);
        }

        #[test]
        fn after_a_flipped_bit_the_next_frame_is_found(
            entries in entries(), at in any::<prop::sample::Index>(), bit in 0_u8..8
        ) {
            let frames: Vec<Vec<u8>> = entries.iter().map(frame).collect();
            let mut spoilt = frames[0].clone();
            let at = at.index(spoilt.len());
            spoilt[at] ^= 1 << bit;
            let bytes = [spoilt, frames[1..].concat()].concat();

            let expected = (frames.len() > 1).then_some(frames[0].len());
            prop_assert_eq!(next(&bytes), expected);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(whole(&bytes) <= bytes.len());
            prop_assert!(next(&bytes).is_none_or(|at| at < bytes.len()));
            let _ = id_of(&bytes);
        }

        #[test]
        fn an_entry_comes_back_as_it_was(entry in entries()) {
            let bytes = frame(&entry[0]);

            let (payload, length) = first(&bytes).unwrap();

            prop_assert_eq!(length, bytes.len());
            prop_assert_eq!(serde_json::from_slice::<Entry>(payload).unwrap(), entry[0].clone());
        }
    }
}
