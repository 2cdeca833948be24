//! Whether a model fits into this machine, and how much memory processes hold.

use std::path::Path;

use procfs::Current;
use procfs::process::Process;

/// Beside the weights and the context: buffers of the runner, measured with the packaged model
/// (98 MB of weights, 210 MB resident) and rounded up.
const RUNNER_BYTES: u64 = 300 * 1024 * 1024;
/// Left for everything else when a model is loaded.
const RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// What a model needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelNeeds {
    /// Size of the model's file.
    pub weights_bytes: u64,
    /// Keys and values of the whole context, 16 bit each.
    pub context_bytes: u64,
}

impl ModelNeeds {
    pub fn total_bytes(&self) -> u64 {
        self.weights_bytes + self.context_bytes + RUNNER_BYTES
    }

    /// Whether it can be loaded beside what runs.
    pub fn fit(&self, available_bytes: u64) -> bool {
        self.total_bytes() + RESERVE_BYTES <= available_bytes
    }
}

/// The layers of a model, as Ollama's `show` tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub layers: u64,
    pub kv_heads: u64,
    pub head_size: u64,
}

impl Shape {
    /// Bytes of keys and values for a context of so many tokens.
    pub fn context_bytes(&self, tokens: u32) -> u64 {
        let per_token = 2 * 2 * self.layers * self.kv_heads * self.head_size;
        per_token.saturating_mul(u64::from(tokens))
    }
}

/// Memory that can still be had without swapping; `None` where the kernel does not tell.
///
/// The smaller of what the machine and what this process's control group has left. Tests set
/// `JEX_TEST_AVAILABLE_BYTES`: what a model needs is the same on every machine, what is free is not.
pub fn available_bytes() -> Option<u64> {
    if let Some(bytes) = std::env::var("JEX_TEST_AVAILABLE_BYTES")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return Some(bytes);
    }
    let machine = procfs::Meminfo::current().ok()?.mem_available?;
    Some(control_group_left().map_or(machine, |left| left.min(machine)))
}

fn control_group_left() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    least_left(Path::new("/sys/fs/cgroup"), group)
}

/// The least that a control group and those around it have left; `None` if none has a limit.
fn least_left(root: &Path, group: &str) -> Option<u64> {
    let folder = root.join(group.trim_start_matches('/'));
    let around = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(root));
    around
        .filter_map(|folder| {
            let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
            let stat = read("memory.stat").unwrap_or_default();
            left(&read("memory.max")?, &read("memory.current")?, &stat)
        })
        .min()
}

/// What a group may still take, from the files of its folder. Pages of files count as used there,
/// but the kernel drops them when memory is wanted.
fn left(max: &str, current: &str, stat: &str) -> Option<u64> {
    // Without a limit the file says "max", which is no number.
    let limit: u64 = max.trim().parse().ok()?;
    let current: u64 = current.trim().parse().ok()?;
    let files: u64 = stat
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| matches!(*name, "inactive_file" | "active_file"))
        .filter_map(|(_, bytes)| bytes.parse::<u64>().ok())
        .sum();
    Some(limit.saturating_sub(current.saturating_sub(files)))
}

/// Whether a graphics card holds the model: then the machine's memory says nothing about it. The
/// card alone does not tell: an Ollama that was built for processors leaves it alone.
pub fn graphics_card_serves(ollama: Option<&Path>) -> bool {
    let is_there = |device| Path::new(device).exists();
    ["/dev/nvidia0", "/dev/kfd"].into_iter().any(is_there)
        && ollama.is_some_and(knows_graphics_cards)
}

/// Whether Ollama has code for cards where it looks for it: in `../lib/ollama` beside its folder.
fn knows_graphics_cards(ollama: &Path) -> bool {
    let program = ollama.canonicalize().unwrap_or_else(|_| ollama.to_owned());
    let Some(root) = program.parent().and_then(Path::parent) else {
        return false;
    };
    let entries = std::fs::read_dir(root.join("lib/ollama"));
    entries.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        ["cuda", "rocm", "hip"]
            .iter()
            .any(|kind| name.contains(kind))
    })
}

/// Resident memory of processes, in bytes.
pub fn resident_bytes(processes: &[Process]) -> u64 {
    processes
        .iter()
        .filter_map(|process| process.statm().ok())
        .map(|statm| statm.resident * procfs::page_size())
        .sum()
}

/// As people say it: 12 kB, 98 MB, 4.9 GB.
pub fn said(bytes: u64) -> String {
    if bytes < 1_000_000 {
        return format!("{} kB", bytes / 1000);
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let gigabytes = bytes as f64 / 1e9;
    if gigabytes >= 0.995 {
        format!("{gigabytes:.1} GB")
    } else {
        format!("{} MB", (bytes + 500_000) / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    #[test]
    fn a_context_costs_as_llama_says() {
        // Llama 3.1 8B: 32 layers, 8 heads of 128: 128 KiB a token.
        let shape = Shape {
            layers: 32,
            kv_heads: 8,
            head_size: 128,
        };

        assert_eq!(shape.context_bytes(8192), GIB);
    }

    #[test]
    fn a_model_that_leaves_nothing_does_not_fit() {
        let needs = ModelNeeds {
            weights_bytes: 5 * GIB,
            context_bytes: GIB,
        };

        assert!(!needs.fit(6 * GIB));
        assert!(needs.fit(7 * GIB));
    }

    #[test]
    fn pages_of_files_are_not_used_up() {
        let stat = "anon 300\nfile 650\nactive_file 400\ninactive_file 200\nslab 5\n";

        assert_eq!(left("1000\n", "900\n", stat), Some(700));
        assert_eq!(left("1000\n", "900\n", ""), Some(100));
        assert_eq!(left("1000\n", "1100\n", ""), Some(0));
        assert_eq!(left("max\n", "900\n", stat), None);
    }

    #[test]
    fn the_tightest_group_around_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |group: &str, max: &str, current: &str| {
            let folder = root.path().join(group);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("memory.max"), max).unwrap();
            std::fs::write(folder.join("memory.current"), current).unwrap();
        };
        write("user", "5000", "4000");
        write("user/app", "max", "300");
        write("user/app/jex", "3000", "200");

        assert_eq!(least_left(root.path(), "/user/app/jex"), Some(1000));
        assert_eq!(least_left(root.path(), "/"), None);
    }

    #[test]
    fn an_ollama_for_processors_leaves_a_card_alone() {
        let root = tempfile::tempdir().unwrap();
        let ollama = root.path().join("bin/ollama");
        std::fs::create_dir_all(root.path().join("bin")).unwrap();
        std::fs::write(&ollama, "").unwrap();

        assert!(!knows_graphics_cards(&ollama));
        std::fs::create_dir_all(root.path().join("lib/ollama/cuda_v12")).unwrap();
        assert!(knows_graphics_cards(&ollama));
    }

    #[test]
    fn sizes_are_said_in_words() {
        assert_eq!(said(999_999), "999 kB");
        assert_eq!(said(98_400_000), "98 MB");
        assert_eq!(said(4_920_000_000), "4.9 GB");
    }

    #[test]
    fn this_machine_has_some_left() {
        assert!(available_bytes().unwrap() > 0);
        assert!(resident_bytes(&[Process::myself().unwrap()]) > 1024 * 1024);
    }
}
