//! The root folder of a server: the system's programs and libraries, what it may read, a `/tmp`, and nothing else.

use std::fs::{DirBuilder, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, umask};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::pivot_root;

use crate::arguments::Arguments;
use crate::{Refusal, step};

/// Where its programs are, on Debian and on NixOS.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin";
/// It is there on every machine, and nothing of it is needed once what is shown is held open.
const NEW: &str = "/tmp";
/// What programs need, where it is. Links are links in there, too.
const SYSTEM: [&str; 27] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/run/current-system",
    "/etc/static",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/etc/zoneinfo",
];
const FOR_NETWORK: &str = "/etc/resolv.conf";
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];
/// Of each of its two file systems in memory.
const SIZE: &str = "size=64m,mode=755";
const TMP: &str = "size=64m,mode=1777";

/// Something to be shown, held open since the place that it has will be covered.
struct Shown {
    /// As it is seen in there.
    path: PathBuf,
    what: What,
}

enum What {
    Link(PathBuf),
    Folder(OwnedFd),
    File(OwnedFd),
}

/// Makes it the root. Returns the `/proc` of before.
pub fn lay_out(arguments: &Arguments) -> Result<OwnedFd, Refusal> {
    // Others than us have to find their way in there.
    umask(Mode::from_bits_truncate(0o022));
    let nothing: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    step(
        "mounts of its own",
        mount(nothing, "/", nothing, private, nothing),
    )?;
    let old_proc = step("/proc", handle(Path::new("/proc")))?;
    let shown = shown(arguments)?;

    let in_memory = |at: &Path, options: &str| {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        step(
            "a root",
            mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options)),
        )
    };
    let new = Path::new(NEW);
    in_memory(new, SIZE)?;
    // Before the rest: what may be read can lie in there.
    let tmp = inside(Path::new("/tmp"));
    step("/tmp", make_folder(&tmp))?;
    in_memory(&tmp, TMP)?;
    for shown in &shown {
        show(shown)?;
    }
    processes()?;
    read_only()?;

    // The old root is put below the new one and taken away: the way of pivot_root(2).
    step("a root", nix::unistd::chdir(new))?;
    step("a root", pivot_root(".", "."))?;
    step("a root", umount2(".", MntFlags::MNT_DETACH))?;
    step("a root", nix::unistd::chdir("/"))?;
    Ok(old_proc)
}

fn shown(arguments: &Arguments) -> Result<Vec<Shown>, Refusal> {
    let mut shown = Vec::new();
    for path in SYSTEM.into_iter().chain(DEVICES).map(Path::new) {
        match std::fs::symlink_metadata(path) {
            Ok(_) => shown.push(step(&path.display().to_string(), whole(path))?),
            Err(_) => continue,
        }
    }
    if arguments.network && Path::new(FOR_NETWORK).exists() {
        // Often a link to somewhere that is not shown.
        let what = step(FOR_NETWORK, handle(Path::new(FOR_NETWORK)))?;
        shown.push(Shown {
            path: FOR_NETWORK.into(),
            what: What::File(what),
        });
    }
    for path in &arguments.readable {
        shown.push(step(&path.display().to_string(), whole(path))?);
    }
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        shown.push(Shown {
            path: link.into(),
            what: What::Link(target.into()),
        });
    }
    Ok(shown)
}

fn whole(path: &Path) -> std::io::Result<Shown> {
    let kind = std::fs::symlink_metadata(path)?.file_type();
    let what = if kind.is_symlink() {
        What::Link(std::fs::read_link(path)?)
    } else if kind.is_dir() {
        What::Folder(handle(path)?)
    } else {
        What::File(handle(path)?)
    };
    let path = path.to_owned();
    Ok(Shown { path, what })
}

fn handle(path: &Path) -> Result<OwnedFd, std::io::Error> {
    Ok(open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Where something is until the root is changed.
fn inside(path: &Path) -> PathBuf {
    Path::new(NEW).join(path.strip_prefix("/").unwrap_or(path))
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)
}

fn show(shown: &Shown) -> Result<(), Refusal> {
    let place = inside(&shown.path);
    let name = shown.path.display().to_string();
    if let Some(parent) = place.parent() {
        step(&name, make_folder(parent))?;
    }
    let handle = match &shown.what {
        // A folder that was shown already may hold it.
        What::Link(target) => {
            return match std::fs::symlink_metadata(&place) {
                Ok(_) => Ok(()),
                Err(_) => step(&name, symlink(target, &place)),
            };
        }
        What::Folder(handle) => {
            step(&name, make_folder(&place))?;
            handle
        }
        What::File(handle) => {
            if !place.exists() {
                step(&name, File::create(&place))?;
            }
            handle
        }
    };
    let source = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    let nothing: Option<&str> = None;
    step(
        &name,
        mount(Some(source.as_str()), &place, nothing, flags, nothing),
    )
}

/// Its own processes. A container may hide parts of `/proc`; then the kernel gives no whole one, and most servers do
/// without.
fn processes() -> Result<(), Refusal> {
    let place = inside(Path::new("/proc"));
    step("/proc", make_folder(&place))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let nothing: Option<&str> = None;
    let _ = mount(Some("proc"), &place, Some("proc"), flags, nothing);
    Ok(())
}

/// Every mount in there but `/tmp` and `/proc`, those below a folder that was shown, too.
fn read_only() -> Result<(), Refusal> {
    let mounts = step(
        "the mounts",
        std::fs::read_to_string("/proc/self/mountinfo"),
    )?;
    let (tmp, proc) = (inside(Path::new("/tmp")), inside(Path::new("/proc")));
    let places = mounts
        .lines()
        .filter_map(|line| Some(unescaped(line.split(' ').nth(4)?)))
        .filter(|place| place.starts_with(NEW))
        .filter(|place| *place != tmp && !place.starts_with(&proc));
    for place in places.collect::<Vec<_>>() {
        let flags = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | kept(&place)?;
        let nothing: Option<&str> = None;
        let name = format!("{} read-only", place.display());
        step(&name, mount(nothing, &place, nothing, flags, nothing))?;
    }
    Ok(())
}

/// What a mount has and what the kernel lets nobody take away who did not make it.
fn kept(place: &Path) -> Result<MsFlags, Refusal> {
    let has = step(&place.display().to_string(), statvfs(place))?.flags();
    let pairs = [
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let kept = pairs.iter().filter(|(flag, _)| has.contains(*flag));
    Ok(kept.fold(MsFlags::empty(), |all, (_, flag)| all | *flag))
}

/// `mountinfo` writes a space as `\040`.
fn unescaped(text: &str) -> PathBuf {
    let mut path = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        path.push_str(before);
        let code = after
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) => {
                path.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                path.push('\\');
                rest = after;
            }
        }
    }
    path.push_str(rest);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_with_a_space_is_read() {
        assert_eq!(unescaped("/tmp/a\\040b\\134c"), Path::new("/tmp/a b\\c"));
    }
}
