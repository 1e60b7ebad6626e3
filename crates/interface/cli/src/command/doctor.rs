//! `tenon doctor`: what this machine has of what Tenon needs, each with the mend.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use console::style;
use rustix::fs::statvfs;
use serde::Serialize;
use tenon_config::{Overrides, SandboxMode, Settings};
use tenon_runtime::FileState;
use tenon_sandbox::{Execution, ExecutionCommand, Limits, Sandbox, WorkCopy};

use crate::arguments::JsonArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::{Output, human_bytes};

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Good,
    /// Something works less well, or not for everybody.
    Limited,
    /// The main job does not work without it.
    Missing,
}

#[derive(Debug, Serialize)]
struct Examined {
    area: &'static str,
    name: String,
    health: Health,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Examined {
    fn new(area: &'static str, name: impl Into<String>, health: Health, detail: impl Into<String>) -> Self {
        Self {
            area,
            name: name.into(),
            health,
            detail: detail.into(),
            mend: None,
        }
    }

    fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

/// `tenon doctor`. Ends with [`Exit::Missing`] when the main job would not work here.
pub async fn run(arguments: &JsonArguments) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let mut examined = models(&settings);
    let sandbox = composition::sandbox(&settings).await;
    examined.extend(isolation(&settings, &sandbox));
    examined.extend(toolchains(&settings, sandbox.as_ref().ok()).await);
    examined.push(disk("data", &settings.data_folder, 1 << 30));
    examined.push(disk("cache", &settings.cache_folder, 2 << 30));
    examined.push(memory());
    examined.push(processor());
    let missing = examined.iter().any(|item| item.health == Health::Missing);
    if arguments.json {
        output.json(&examined);
    } else {
        output.result(&table(&examined));
    }
    Ok(if missing { Exit::Missing } else { Exit::Success })
}

fn table(examined: &[Examined]) -> String {
    let width = examined.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut area = "";
    for item in examined {
        if item.area != area {
            area = item.area;
            text.push_str(&format!("{}\n", style(area).bold()));
        }
        let mark = match item.health {
            Health::Good => style("✔").green(),
            Health::Limited => style("!").yellow(),
            Health::Missing => style("✘").red(),
        };
        text.push_str(&format!("  {mark} {:width$}  {}\n", item.name, item.detail));
        if let Some(mend) = &item.mend {
            text.push_str(&format!("    {:width$}  {mend}\n", ""));
        }
    }
    text
}

fn models(settings: &Settings) -> Vec<Examined> {
    const AREA: &str = "models";
    let folder = composition::model_folder(settings);
    let listing = match folder.list() {
        Ok(listing) => listing,
        Err(error) => return vec![Examined::new(AREA, "folder", Health::Missing, error.to_string())],
    };
    let mut examined = Vec::new();
    for name in &settings.models {
        if let Some(upstream) = settings.upstreams.iter().find(|upstream| upstream.name == *name) {
            let detail = format!("upstream at {}, asked when it is needed", upstream.base_url);
            examined.push(Examined::new(AREA, name, Health::Good, detail));
            continue;
        }
        // Computes the digest where that was not done since the file changed.
        examined.push(match folder.resolve(name) {
            Ok(model) => Examined::new(
                AREA,
                name,
                Health::Good,
                format!("{} · digest verified", model.path.display()),
            ),
            Err(error) => Examined::new(AREA, name, Health::Missing, error.to_string()),
        });
    }
    for model in listing
        .iter()
        .filter(|model| !settings.models.contains(&model.name))
    {
        let (health, detail) = match &model.state {
            FileState::Absent => continue,
            FileState::Damaged { reason } => (Health::Limited, format!("{}: {reason}", model.path.display())),
            FileState::Partial { bytes } => (
                Health::Limited,
                format!("{} of {} are here", human_bytes(*bytes), human_bytes(model.bytes)),
            ),
            FileState::Unverified | FileState::Verified => (Health::Good, model.path.display().to_string()),
        };
        let item = Examined::new(AREA, &model.name, health, detail);
        examined.push(match health {
            Health::Good => item,
            _ => item.mend(format!("tenon model pull {}", model.name)),
        });
    }
    examined
}

fn isolation(settings: &Settings, sandbox: &Result<Arc<Sandbox>, String>) -> Vec<Examined> {
    const AREA: &str = "sandbox";
    match sandbox {
        Ok(sandbox) => {
            let level = sandbox.level();
            let health = if settings.sandbox == SandboxMode::None {
                Health::Limited
            } else {
                Health::Good
            };
            let mut examined = vec![Examined::new(
                AREA,
                &level.name,
                health,
                level.guarantees.join(", "),
            )];
            let missing = level.missing.iter();
            examined.extend(missing.map(|missing| Examined::new(AREA, "not held", Health::Limited, missing)));
            examined
        }
        Err(reason) => {
            let item = Examined::new(AREA, "bubblewrap", Health::Missing, reason);
            vec![item.mend("without it nothing is executed, and no change gets further than `parsed`")]
        }
    }
}

/// What runs the code of a language, and what is lost without it.
const TOOLS: [(&str, &[&str], &str); 9] = [
    ("git", &["--version"], "--branch and base commits"),
    ("python3", &["--version"], "checks of Python"),
    ("node", &["--version"], "checks of JavaScript and TypeScript"),
    ("cargo", &["--version"], "checks of Rust"),
    ("go", &["version"], "checks of Go"),
    ("mvn", &["--version"], "checks of Java"),
    (
        "ruff",
        &["--version"],
        "the linter of Python projects that use it",
    ),
    (
        "mypy",
        &["--version"],
        "the type-checker of Python projects that use it",
    ),
    ("tsc", &["--version"], "the type-checker of TypeScript projects"),
];

async fn toolchains(settings: &Settings, sandbox: Option<&Arc<Sandbox>>) -> Vec<Examined> {
    const AREA: &str = "toolchains, as seen from inside the sandbox";
    let Some(sandbox) = sandbox else { return Vec::new() };
    let mut examined = Vec::new();
    let Ok(place) = WorkCopy::empty(&settings.cache_folder.join("work")) else {
        return examined;
    };
    for (tool, arguments, purpose) in TOOLS {
        let Some(path) = sandbox.find_tool(tool) else {
            examined.push(Examined::new(
                AREA,
                tool,
                Health::Limited,
                format!("not found; needed for {purpose}"),
            ));
            continue;
        };
        let words =
            std::iter::once(path.clone().into_os_string()).chain(arguments.iter().map(OsString::from));
        let mut execution = Execution::new(ExecutionCommand::Arguments(words.collect()), place.path());
        execution.limits = Limits::quick();
        examined.push(match sandbox.run(execution).await {
            Ok(result) if result.status.succeeded() => {
                let said = String::from_utf8_lossy(&result.stdout);
                let said = console::strip_ansi_codes(&said);
                let version = said
                    .lines()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                Examined::new(
                    AREA,
                    tool,
                    Health::Good,
                    format!("{version} · {}", path.display()),
                )
            }
            Ok(result) => {
                let said = String::from_utf8_lossy(&result.stderr)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                Examined::new(
                    AREA,
                    tool,
                    Health::Limited,
                    format!("{}: {} ({said})", path.display(), result.status),
                )
            }
            Err(error) => Examined::new(AREA, tool, Health::Limited, error.to_string()),
        });
    }
    examined
}

fn disk(name: &str, folder: &Path, wanted: u64) -> Examined {
    const AREA: &str = "machine";
    let mut existing: PathBuf = folder.to_owned();
    while !existing.exists() && existing.pop() {}
    let name = format!("{name} folder");
    match statvfs(&existing) {
        Ok(figures) => {
            let free = figures.f_bavail.saturating_mul(figures.f_frsize);
            let detail = format!("{} · {} free", folder.display(), human_bytes(free));
            if free >= wanted {
                return Examined::new(AREA, name, Health::Good, detail);
            }
            Examined::new(AREA, name, Health::Limited, detail)
                .mend(format!("free some space: {} are wanted", human_bytes(wanted)))
        }
        Err(error) => Examined::new(
            AREA,
            name,
            Health::Missing,
            format!("{}: {error}", folder.display()),
        ),
    }
}

fn memory() -> Examined {
    const AREA: &str = "machine";
    const WANTED: u64 = 3 << 30;
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemAvailable:")?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse::<u64>()
                .ok()
        })
        .map(|kilobytes| kilobytes * 1024);
    match available {
        Some(bytes) if bytes < WANTED => Examined::new(
            AREA,
            "memory",
            Health::Limited,
            format!("{} available", human_bytes(bytes)),
        )
        .mend("the two default models want 3 GB: close something, or use --model qwen2.5-coder-0.5b"),
        Some(bytes) => Examined::new(
            AREA,
            "memory",
            Health::Good,
            format!("{} available", human_bytes(bytes)),
        ),
        None => Examined::new(AREA, "memory", Health::Limited, "/proc/meminfo does not say"),
    }
}

/// Instruction sets that llama.cpp's kernels use: the name in /proc/cpuinfo, and whether this binary was built for it.
const FEATURES: [(&str, bool); 6] = [
    ("avx2", cfg!(target_feature = "avx2")),
    ("fma", cfg!(target_feature = "fma")),
    ("avx512f", cfg!(target_feature = "avx512f")),
    ("avx512_vnni", cfg!(target_feature = "avx512vnni")),
    // The compiler cannot be asked about AMX; whoever builds for VNNI on a CPU that has AMX builds for the CPU at hand.
    ("amx_int8", cfg!(target_feature = "avx512vnni")),
    ("asimd", cfg!(target_feature = "neon")),
];

fn processor() -> Examined {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("flags") || line.starts_with("Features"))
        .unwrap_or_default();
    let has = |name: &str| line.split_whitespace().any(|flag| flag == name);
    let there: Vec<&str> = FEATURES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| has(name))
        .collect();
    let unused: Vec<&str> = FEATURES
        .iter()
        .filter(|(name, built)| has(name) && !built)
        .map(|(name, _)| *name)
        .collect();
    let detail = format!(
        "{cores} cores · {}",
        if there.is_empty() {
            "no vector instructions known".to_owned()
        } else {
            there.join(", ")
        }
    );
    let item = Examined::new("machine", "processor", Health::Good, detail);
    if unused.is_empty() {
        return item;
    }
    let mend = format!(
        "this binary does not use {}: build it on this machine with `make build`",
        unused.join(", ")
    );
    Examined {
        health: Health::Limited,
        ..item
    }
    .mend(mend)
}
