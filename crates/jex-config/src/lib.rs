//! JEX's settings: one tree, from defaults, `jex.toml`, the environment and flags, in this order.
//!
//! * [`settings`]: the tree; [`validate`]: which combinations cannot work
//! * [`schema`]: what the tree says about itself: keys, kinds, explanations
//! * [`layer`]: one origin of values; [`load`]: all of them, the later one winning
//! * [`template`]: the commented `jex.toml` of a first start
//! * [`paths`]: where files lie; [`database`]: where the database is; [`secrets`]: keys in files; [`parts`]: the real parts' programs

mod database;
mod error;
mod keys;
mod layer;
mod load;
mod paths;
mod resolve;
mod template;
mod validate;

pub mod parts;
pub mod schema;
pub mod secrets;
pub mod settings;

pub use database::own_database;
pub use error::ConfigError;
pub use layer::Origin;
pub use load::{LoadOptions, Loaded, Value, check_file, load};
pub use parts::Parts;
pub use paths::Paths;
pub use resolve::{DEMO_MODEL, TALK_ROOMS};
pub use settings::{
    Agent, Assistant, Conversation, Database, History, Livekit, Llm, LlmProvider, N8n, Redis,
    Settings, Stt, SttProvider, Tts, TtsProvider, Web,
};
pub use template::{default_toml, write_default_if_missing};
