//! What has to be seen to while the stack runs, whatever the components do.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::address;
use crate::orphans::{Keeper, Mark};
use crate::run::Supervisor;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Keeps the keeper alive, and LiveKit on an address that this machine has.
///
/// The keeper clears up as soon as its pipe closes, so it is let go only with the runtime.
pub async fn watch(
    supervisor: Arc<Supervisor>,
    mark: Mark,
    mut keeper: Keeper,
    end: CancellationToken,
) {
    let mut seen = supervisor.node_ip();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = keeper.ensure_alive(&mark) {
            tracing::error!(%error, "no keeper process: if JEX is killed, its parts may stay");
        }
        let livekit = supervisor.settings().livekit;
        // Said by the owner, or the business of whoever runs it.
        if end.is_cancelled() || livekit.node_ip.is_some() || livekit.url.is_some() {
            continue;
        }
        let now = address::choose(
            supervisor.node_ip(),
            address::way_out(),
            &address::current(),
        );
        // Twice the same: a network that comes up changes its mind within a moment.
        if Some(now) == seen {
            supervisor.move_media_to(now);
        }
        seen = Some(now);
    }
}
