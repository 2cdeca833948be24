//! What systemd is told, where it started us; elsewhere nothing happens.

use sd_notify::NotifyState;

/// Ready to serve; from now on the watchdog is fed as often as the unit asks for.
pub fn ready() {
    notify(NotifyState::Ready);
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    // On the runtime that serves: when that hangs, so does this.
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(interval / 2);
        loop {
            tick.tick().await;
            notify(NotifyState::Watchdog);
        }
    });
}

/// What it is doing, in one line of `systemctl status`.
pub fn status(line: &str) {
    notify(NotifyState::Status(line));
}

pub fn stopping() {
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot reach systemd");
    }
}
