//! Who the server is: nobody.

use std::fs::File;
use std::io::{Error, Write};
use std::os::fd::OwnedFd;

use nix::fcntl::{OFlag, openat};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, getegid, geteuid, setgroups, setresgid, setresuid};

/// `nobody` and `nogroup` of Debian and NixOS, and what the kernel calls whom it does not know.
const NOBODY: u32 = 65534;

pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Ids as the namespace around this one knows them.
pub struct Own {
    user: Uid,
    group: Gid,
}

impl Own {
    pub fn now() -> Self {
        Self {
            user: geteuid(),
            group: getegid(),
        }
    }

    /// In the user namespace that was just made, this process is `inside`. `process`: its folder in `/proc`.
    pub fn becomes(&self, inside: u32, process: &str) -> Result<(), Error> {
        self.write(inside, |name, text| {
            std::fs::write(format!("{process}/{name}"), text)
        })
    }

    fn write(
        &self,
        inside: u32,
        write: impl Fn(&str, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // The kernel wants it before the groups are mapped.
        write("setgroups", "deny")?;
        write("uid_map", &format!("{inside} {} 1", self.user))?;
        write("gid_map", &format!("{inside} {} 1", self.group))
    }
}

/// Gives up every privilege for good. `old_proc`: the `/proc` from before, which the new root may lack.
///
/// Real root becomes nobody. The root of a user namespace cannot: it goes into another one, as nobody there, and
/// loses what it has in it when it executes the server. In the one around it, which owns the mounts, it has none left.
pub fn give_up(old_proc: &OwnedFd) -> Result<(), Error> {
    if is_real_root(old_proc)? {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
        return Ok(());
    }
    let own = Own::now();
    unshare(CloneFlags::CLONE_NEWUSER)?;
    own.write(NOBODY, |name, text| {
        let mut file = File::from(openat(
            old_proc,
            format!("self/{name}").as_str(),
            OFlag::O_WRONLY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?);
        file.write_all(text.as_bytes())
    })
}

/// Whether more users than ourselves are mapped here: so it is outside of namespaces and in those of containers.
fn is_real_root(old_proc: &OwnedFd) -> Result<bool, Error> {
    let map = openat(
        old_proc,
        "self/uid_map",
        OFlag::O_RDONLY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )?;
    let map = std::io::read_to_string(File::from(map))?;
    // inside, outside, how many
    let count = map
        .split_whitespace()
        .nth(2)
        .and_then(|count| count.parse::<u64>().ok());
    Ok(count.is_some_and(|count| count > u64::from(NOBODY)))
}
