//! How a browser on another machine is let in once, without a password: whoever can read a file of JEX's on
//! this machine has the code, and the code gives a browser a session.
//!
//! * [`Code`]: the one-time code; [`address`]: the file that shows it
//! * [`Sessions`]: the browsers that were let in, in a file that the server and the owner's command share
//! * [`Places`]: where both files lie
//! * `file`: replaced whole or not at all
//!
//! The page's server writes both, `jex pair` reads both and may take sessions away. Neither asks the other:
//! the files are all that they share.

pub mod address;
mod code;
mod error;
mod file;
mod places;
mod sessions;

pub use code::Code;
pub use error::PairingError;
pub use places::Places;
pub use sessions::{LIFETIME, Session, Sessions, Which};
