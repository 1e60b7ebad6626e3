//! Layers, refusals and what is said about them, on real files. No test touches this process's environment.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use tempfile::TempDir;
use tenon_config::{
    ConfigError, Environment, Overrides, REPOSITORY_FILE, SandboxMode, Settings, UpstreamKind, load,
};
use tenon_domain::Role;

struct Machine {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("home/.config/tenon")).unwrap();
        fs::create_dir_all(folder.path().join("repository")).unwrap();
        let home = folder.path().join("home").display().to_string();
        let variables = vec![("HOME".to_owned(), home)];
        Self { folder, variables }
    }

    fn user(self, text: &str) -> Self {
        fs::write(self.folder.path().join("home/.config/tenon/config.toml"), text).unwrap();
        self
    }

    fn repository(self, text: &str) -> Self {
        let path = self.folder.path().join("repository").join(REPOSITORY_FILE);
        fs::write(path, text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load_with(&self, overrides: &Overrides) -> Result<Settings, ConfigError> {
        let environment = Environment::of(self.variables.clone());
        load(
            &environment,
            Some(&self.folder.path().join("repository")),
            overrides,
        )
    }

    fn load(&self) -> Result<Settings, ConfigError> {
        self.load_with(&Overrides::default())
    }

    fn refusal(&self) -> String {
        let message = self.load().unwrap_err().to_string();
        message.replace(&self.folder.path().display().to_string(), "")
    }
}

fn origin_of(settings: &Settings, key: &str) -> String {
    let explained = settings.explain();
    let setting = explained.iter().find(|setting| setting.key == key);
    setting
        .unwrap_or_else(|| panic!("`{key}` is not explained"))
        .origin
        .clone()
}

#[test]
fn without_any_file_the_defaults_hold() {
    let machine = Machine::new();
    let settings = machine.load().unwrap();
    let home = machine.folder.path().join("home");
    assert_eq!(settings.models, ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]);
    assert_eq!(settings.sandbox, SandboxMode::Bubblewrap);
    assert_eq!(
        (settings.context_length, settings.parallel, settings.threads),
        (8192, 8, None)
    );
    assert_eq!(settings.data_folder, home.join(".local/share/tenon"));
    assert_eq!(settings.models_folder, home.join(".local/share/tenon/models"));
    assert_eq!(settings.cache_folder, home.join(".cache/tenon"));
    assert_eq!(settings.prompts_folder, home.join(".config/tenon/prompts"));
    assert!(
        settings
            .explain()
            .iter()
            .all(|setting| setting.origin == "default")
    );
}

#[test]
fn flags_go_before_variables_before_the_repository_before_the_user_before_defaults() {
    let machine = Machine::new()
        .user("models = [\"user\"]\nthreads = 1\nparallel = 1\ncontext_length = 1024\n[limits]\nmax_attempts = 1\n")
        .repository("models = [\"repository\"]\nthreads = 2\nparallel = 2\n[limits]\nmax_attempts = 2\n")
        .variable("TENON_MODELS", "variable, second")
        .variable("TENON_THREADS", "3")
        .variable("TENON_MAX_ATTEMPTS", "3");
    let overrides = Overrides {
        models: vec!["flag".to_owned()],
        max_attempts: Some(4),
        max_time: Some(Duration::from_secs(60)),
        ..Overrides::default()
    };
    let settings = machine.load_with(&overrides).unwrap();
    assert_eq!(settings.models, ["flag"]);
    assert_eq!(
        (settings.threads, settings.parallel, settings.context_length),
        (Some(3), 2, 1024)
    );
    assert_eq!(settings.limits.max_attempts, Some(4));
    assert_eq!(settings.limits.max_time, Some(Duration::from_secs(60)));
    assert_eq!(origin_of(&settings, "models"), "--model");
    assert_eq!(
        origin_of(&settings, "threads"),
        "environment variable TENON_THREADS"
    );
    assert!(origin_of(&settings, "parallel").ends_with("repository/.tenon.toml:3"));
    assert!(origin_of(&settings, "context_length").ends_with("home/.config/tenon/config.toml:4"));
    assert_eq!(origin_of(&settings, "hugging_face_url"), "default");
    assert_eq!(machine.load().unwrap().models, ["variable", "second"]);
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_place() {
    let cases = [
        (
            "models = [\"a\"]\n\n[limits]\nmax_tme = \"5m\"",
            ":4: there is no setting `limits.max_tme`: did you mean `limits.max_time`?",
        ),
        (
            "\nsanbox = \"none\"",
            ":2: there is no setting `sanbox`: did you mean `sandbox`?",
        ),
        (
            "telemetry = true",
            ":1: there is no setting `telemetry`; `tenon config` lists all settings",
        ),
        ("threads = \"2\"", ":1: `threads` is a text; expected a number"),
        ("threads = -1", ":1: `threads` is -1; expected a positive number"),
        ("parallel = 65", ":1: `parallel` is 65; accepted are 1 to 64"),
        ("models = []", ":1: `models` names 0 models; accepted are 1 to 8"),
        (
            "models = [1]",
            ":1: `models` holds a number; expected a list of texts such as `[\"a\", \"b\"]`",
        ),
        (
            "sandbox = \"docker\"",
            ":1: `sandbox` is `docker`; accepted are `bubblewrap` and `none`",
        ),
        (
            "[redaction]\nsecrets = \"no\"",
            ":2: `redaction.secrets` is a text; expected true or false",
        ),
        (
            "limits = 3",
            ":1: `limits` is a number; expected a table `[limits]`",
        ),
        (
            "[limits]\nmax_time = \"5\"",
            ":2: `limits.max_time` is `5`: expected a time such as `90s`, `5m` or `1h30m`",
        ),
        (
            "[folders]\ndata = \"data\"",
            ":2: `folders.data` is `data`; expected an absolute path, or one that starts with `~/`",
        ),
        ("[[upstream]]\nname = \"x\"", ":1: `upstream.kind` is missing"),
        (
            "[[upstream]]\nname = \"x\"\nkey = \"sk\"",
            ":3: there is no setting `upstream.key`",
        ),
    ];
    for (text, expected) in cases {
        let message = Machine::new().user(text).refusal();
        assert!(
            message.starts_with("/home/.config/tenon/config.toml"),
            "{message}"
        );
        assert!(message.contains(expected), "{text:?} says: {message}");
    }
    let message = Machine::new().user("a = 1\nb = [").refusal();
    assert!(
        message.starts_with("/home/.config/tenon/config.toml:2: not valid TOML: "),
        "{message}"
    );
}

#[test]
fn variables_are_held_to_the_same_rules() {
    let message = Machine::new().variable("TENON_MODLES", "x").refusal();
    assert_eq!(
        message,
        "environment variable TENON_MODLES: there is no setting `TENON_MODLES`: did you mean `TENON_MODELS`?"
    );
    let message = Machine::new().variable("TENON_PARALLEL", "many").refusal();
    assert!(
        message.contains("`TENON_PARALLEL` is `many`; expected a number"),
        "{message}"
    );
    let message = Machine::new()
        .variable("TENON_CONFIG", "/nowhere/config.toml")
        .refusal();
    assert!(message.contains("which does not exist"), "{message}");
    assert!(
        Machine::new().variable("TENON_PARALLEL", "").load().is_ok(),
        "set to nothing is not set"
    );
}

#[test]
fn flags_are_held_to_the_same_rules() {
    let overrides = |models: &[&str], max_attempts| Overrides {
        models: models.iter().map(|name| (*name).to_owned()).collect(),
        max_attempts,
        ..Overrides::default()
    };
    let refusal = |overrides| Machine::new().load_with(&overrides).unwrap_err().to_string();
    assert_eq!(
        refusal(overrides(&["a b"], None)),
        "`--model` holds `a b`, which is not a name: letters, digits and `-_.:@/` are accepted"
    );
    assert_eq!(
        refusal(overrides(&[], Some(0))),
        "`--max-attempts` is 0; accepted are 1 to 64"
    );
}

#[test]
fn a_repository_cannot_widen_what_is_permitted() {
    let upstream = "[[upstream]]\nname = \"far\"\nkind = \"openai\"\nbase_url = \"https://api.example/v1\"\nmodel = \"m\"\n";
    let cases = [
        ("sandbox = \"none\"", "sandbox = \"none\""),
        (upstream, "upstream"),
        ("hugging_face_url = \"https://evil.example\"", "hugging_face_url"),
        ("[folders]\nmodels = \"/tmp/evil\"", "folders.models"),
        ("[folders]\nprompts = \"~/x\"", "folders.prompts"),
        ("[redaction]\nsecrets = false", "redaction.secrets = false"),
        ("[redaction]\npersonal = false", "redaction.personal = false"),
        ("event_sink = \"https://evil.example\"", "event_sink"),
        (
            "[oidc]\nissuer = \"https://evil.example\"\nclient_id = \"a\"\npublic_url = \"https://b\"",
            "oidc",
        ),
        ("trace_endpoint = \"https://evil.example\"", "trace_endpoint"),
        ("trace_headers = \"a=b\"", "trace_headers"),
        ("models = [\"far\"]", "models"),
    ];
    for (text, key) in cases {
        let message = Machine::new().user(upstream).repository(text).refusal();
        assert!(message.starts_with("/repository/.tenon.toml:"), "{message}");
        assert!(
            message.contains(&format!("a repository may not set `{key}`: ")),
            "{message}"
        );
    }
    let settings = Machine::new()
        .repository("sandbox = \"bubblewrap\"")
        .load()
        .unwrap();
    assert_eq!(settings.sandbox, SandboxMode::Bubblewrap);
}

#[test]
fn events_go_where_the_environment_says_and_else_where_the_file_does() {
    let file = || Machine::new().user("event_sink = \"https://file.example/\"");
    let sink = |machine: Machine| machine.load().unwrap().event_sink;
    assert_eq!(sink(Machine::new()), None);
    assert_eq!(sink(file()).as_deref(), Some("https://file.example"));
    let knative = |machine: Machine| machine.variable("K_SINK", "http://broker.example/default");
    assert_eq!(
        sink(knative(file())).as_deref(),
        Some("http://broker.example/default")
    );
    let own = knative(file()).variable("TENON_EVENT_SINK", "https://own.example");
    assert_eq!(sink(own).as_deref(), Some("https://own.example"));
    let message = Machine::new().variable("K_SINK", "broker").refusal();
    assert!(message.contains("`K_SINK` is `broker`"), "{message}");
}

#[test]
fn traces_go_nowhere_unless_somebody_says_where() {
    let endpoint = |machine: Machine| machine.load().unwrap().trace_endpoint;
    assert_eq!(endpoint(Machine::new()), None);
    let file = || Machine::new().user("trace_endpoint = \"http://file.example:4318/\"");
    assert_eq!(endpoint(file()).as_deref(), Some("http://file.example:4318"));
    let usual = || file().variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.example:4318");
    assert_eq!(endpoint(usual()).as_deref(), Some("http://otel.example:4318"));
    let own = usual().variable("TENON_TRACE_ENDPOINT", "http://own.example:4318");
    assert_eq!(endpoint(own).as_deref(), Some("http://own.example:4318"));
}

#[test]
fn what_is_shown_to_the_collector_is_shown_to_nobody_else() {
    let headers = "authorization=Basic%20c2VjcmV0, x-scope = team";
    let machine = || Machine::new().variable("OTEL_EXPORTER_OTLP_HEADERS", headers);
    let settings = machine().load().unwrap();
    let read: Vec<(&str, &str)> = settings
        .trace_headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(read, [("authorization", "Basic c2VjcmV0"), ("x-scope", "team")]);
    let shown = format!("{:?} {settings:?}", settings.explain());
    assert!(shown.contains("authorization="), "{shown}");
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
    for (wrong, said) in [
        ("s3cret", "expected NAME=VALUE"),
        ("a b=s3cret", "names are of letters"),
        ("a=s3cret%0A", "cannot be sent"),
        ("a=s3cret%", "cannot be sent"),
    ] {
        let message = Machine::new()
            .variable("OTEL_EXPORTER_OTLP_HEADERS", wrong)
            .refusal();
        assert!(message.contains(said) && !message.contains("s3cret"), "{message}");
    }
}

#[test]
fn redaction_is_switched_off_by_the_user_and_on_by_anybody() {
    let redaction = |machine: Machine| {
        let redaction = machine.load().unwrap().redaction;
        (redaction.secrets, redaction.personal)
    };
    let off = "[redaction]\nsecrets = false\npersonal = false";
    assert_eq!(redaction(Machine::new()), (true, true));
    assert_eq!(redaction(Machine::new().user(off)), (false, false));
    let repository = Machine::new().user(off).repository("[redaction]\nsecrets = true");
    assert_eq!(redaction(repository), (true, false));
    let variable = Machine::new().variable("TENON_REDACT_PERSONAL", "false");
    assert_eq!(redaction(variable), (true, false));
    let message = Machine::new().variable("TENON_REDACT_SECRETS", "no").refusal();
    assert!(
        message.contains("`TENON_REDACT_SECRETS` is `no`; accepted are `true` and `false`"),
        "{message}"
    );
}

#[test]
#[cfg(unix)]
fn a_repository_file_that_is_a_link_or_a_folder_is_refused() {
    let machine = Machine::new();
    let place = machine.folder.path().join("repository").join(REPOSITORY_FILE);
    std::os::unix::fs::symlink("/etc/hostname", &place).unwrap();
    assert!(machine.refusal().contains("symbolic link"));
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert!(machine.refusal().contains("not a regular file"));
}

#[test]
fn an_endless_file_is_refused() {
    let machine = Machine::new().user(&"#".repeat(300 * 1024));
    assert!(machine.refusal().contains("larger than 262144 bytes"));
}

#[test]
fn an_upstream_brings_its_key_and_never_shows_it() {
    let text = "[[upstream]]\nname = \"near\"\nkind = \"vllm\"\nbase_url = \"http://localhost:8000/v1/\"\nmodel = \"org/m\"\n\
                api_key_env = \"TENON_NEAR_KEY\"\ncontext_length = 32768\n\
                [[upstream]]\nname = \"far\"\nkind = \"openai\"\nbase_url = \"https://api.example/v1\"\nmodel = \"m\"\n\
                api_key_file = \"~/key\"\n";
    let machine = Machine::new().user(text).variable("TENON_NEAR_KEY", "sk-near");
    fs::write(machine.folder.path().join("home/key"), "sk-far\n").unwrap();
    let settings = machine.load().unwrap();
    let [near, far] = settings.upstreams.as_slice() else {
        panic!("two upstreams")
    };
    assert_eq!(
        (near.kind, near.base_url.as_str()),
        (UpstreamKind::Vllm, "http://localhost:8000/v1")
    );
    assert_eq!((near.context_length, far.context_length), (32768, 8192));
    assert_eq!(near.api_key.as_ref().unwrap().expose(), "sk-near");
    assert_eq!(far.api_key.as_ref().unwrap().expose(), "sk-far");
    let shown = format!("{settings:?} {:?}", settings.explain());
    assert!(!shown.contains("sk-"), "{shown}");
    assert!(shown.contains("upstream.near.api_key"), "{shown}");
}

#[test]
fn a_key_that_cannot_be_had_is_refused() {
    let upstream = |key: &str| {
        format!(
            "[[upstream]]\nname = \"a\"\nkind = \"openai\"\nbase_url = \"https://h/v1\"\nmodel = \"m\"\n{key}\n"
        )
    };
    let cases = [
        (
            upstream("fill = \"both\""),
            ":6: `upstream.fill` is `both`; accepted are `suffix` and `infill`",
        ),
        (
            upstream("api_key_env = \"A_KEY\""),
            ":6: `upstream.api_key_env` names the environment variable `A_KEY`, which is not set",
        ),
        (upstream("api_key_file = \"~/none\""), "which cannot be read"),
        (
            upstream("api_key_env = \"A\"\napi_key_file = \"~/b\""),
            "keep one of them",
        ),
        (upstream("") + &upstream(""), "names must differ"),
        (
            upstream("").replace("https://", "https://me:pw@"),
            "holds a user name or password",
        ),
    ];
    for (text, expected) in cases {
        let message = Machine::new().user(&text).refusal();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("pw@"), "{message}");
    }
}

const OIDC: &str = "[oidc]\nissuer = \"https://id.example/\"\nclient_id = \"tenon\"\npublic_url = \"https://tenon.example/\"\n";

#[test]
fn people_sign_in_as_the_operator_says_and_the_secret_is_never_shown() {
    assert_eq!(Machine::new().load().unwrap().sign_in, None);
    let short = Machine::new().user(OIDC).load().unwrap().sign_in.unwrap();
    // What the issuer is called is compared letter by letter.
    assert_eq!(short.issuer, "https://id.example/");
    assert_eq!(short.public_url, "https://tenon.example");
    assert_eq!(short.scopes, ["openid", "email", "profile"]);
    assert_eq!((short.default_role, short.create_users), (Role::Viewer, true));
    assert_eq!(short.session, Duration::from_secs(12 * 3600));

    let text = format!(
        "{OIDC}client_secret_env = \"TENON_OIDC\"\nscopes = [\"openid\", \"groups\"]\nuser_claim = \"email\"\n\
         groups_claim = \"groups\"\nallowed_domains = [\"Example.com\"]\ncreate_users = false\n\
         default_role = \"developer\"\nsession = \"1h\"\n\
         [[oidc.role]]\ngroup = \"ops\"\nrole = \"maintainer\"\n[[oidc.role]]\ngroup = \"all staff\"\nrole = \"viewer\"\n"
    );
    let settings = Machine::new()
        .user(&text)
        .variable("TENON_OIDC", "hush")
        .load()
        .unwrap();
    let long = settings.sign_in.as_ref().unwrap();
    let secret = long.client_secret.as_ref().unwrap().as_ref();
    assert_eq!(secret.unwrap().expose(), "hush");
    assert_eq!(long.allowed_domains, ["example.com"]);
    let roles = [
        ("ops".to_owned(), Role::Maintainer),
        ("all staff".to_owned(), Role::Viewer),
    ];
    assert_eq!(long.roles, roles);
    assert_eq!((long.default_role, long.create_users), (Role::Developer, false));
    assert_eq!(long.session, Duration::from_secs(3600));
    let shown = format!("{settings:?} {:?}", settings.explain());
    assert!(
        !shown.contains("hush") && shown.contains("oidc.client_secret"),
        "{shown}"
    );
}

#[test]
fn a_way_to_sign_in_that_cannot_work_is_refused() {
    let with = |line: &str| format!("{OIDC}{line}\n");
    let cases = [
        (
            OIDC.replace("issuer", "issue"),
            ":2: there is no setting `oidc.issue`: did you mean `oidc.issuer`?",
        ),
        ("[oidc]\n".to_owned(), ":1: `oidc.issuer` is missing"),
        (
            OIDC.replace("https://id.", "http://id."),
            "starts with `https://`",
        ),
        (
            OIDC.replace("tenon.example/", "tenon.example/a"),
            "a scheme, a host and perhaps a port",
        ),
        (with("scopes = [\"email\"]"), "lacks `openid`"),
        (with("scopes = [\"openid email\"]"), "is no scope"),
        (with("allowed_domains = [\"@a.example\"]"), "is no domain"),
        (
            with("default_role = \"owner\""),
            "accepted are `viewer`, `developer`",
        ),
        (with("session = \"1s\""), "accepted are 1m to 720h"),
        (
            with("[[oidc.role]]\ngroup = \"a\"\nrole = \"admin\""),
            "`oidc.groups_claim` is missing",
        ),
        (
            with("[[oidc.role]]\ngroup = \"a\""),
            "`oidc.role.role` is missing",
        ),
    ];
    for (text, expected) in cases {
        let message = Machine::new().user(&text).refusal();
        assert!(message.contains(expected), "{expected}: {message}");
    }
    // Other commands do not need the secret.
    for (line, expected) in [
        (
            "client_secret_env = \"NONE\"",
            "`oidc.client_secret_env` names the environment variable `NONE`",
        ),
        (
            "client_secret_file = \"~/none\"",
            "`oidc.client_secret_file` names",
        ),
        (
            "client_secret_env = \"A\"\nclient_secret_file = \"~/b\"",
            "is stated beside `client_secret_env`; keep one of them",
        ),
    ] {
        let settings = Machine::new().user(&with(line)).load().unwrap();
        let message = settings.sign_in.unwrap().client_secret.unwrap_err().to_string();
        assert!(message.contains(expected), "{expected}: {message}");
    }
    // A provider on this machine is for trying it out.
    let local = OIDC.replace("https://id.example/", "http://127.0.0.1:3000");
    assert!(Machine::new().user(&local).load().is_ok());
}

#[test]
fn without_a_home_the_message_names_the_variable() {
    let nowhere = Environment::of([("PATH", "/usr/bin:relative:/bin"), ("NO_COLOR", "1")]);
    let message = load(&nowhere, None, &Overrides::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("TENON_DATA_FOLDER"), "{message}");
    let placed = Environment::of([
        ("PATH", "/usr/bin:relative:/bin"),
        ("NO_COLOR", "1"),
        ("XDG_DATA_HOME", "/data"),
        ("XDG_CACHE_HOME", "relative"),
        ("TENON_CACHE_FOLDER", "/cache"),
    ]);
    let settings = load(&placed, None, &Overrides::default()).unwrap();
    assert_eq!(settings.data_folder.to_str(), Some("/data/tenon"));
    assert_eq!(settings.cache_folder.to_str(), Some("/cache"));
    assert_eq!(settings.search_path.len(), 2);
    assert!(settings.no_color);
}

#[test]
fn the_environment_is_shown_without_values() {
    let environment = Environment::of([("OPENAI_API_KEY", "sk-1")]);
    assert!(!format!("{environment:?}").contains("sk-1"));
}

#[test]
fn the_manual_shows_files_that_hold_and_true_defaults() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/src/configuration.md");
    let manual = fs::read_to_string(manual).unwrap();
    let blocks: Vec<&str> = manual
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [defaults, upstream, route] = blocks.as_slice() else {
        panic!("three files are shown")
    };
    let bare = Machine::new();
    let shown = Machine::new().user(defaults);
    let values = |machine: &Machine| {
        let settings = machine.load().unwrap();
        let explained = settings.explain().into_iter();
        let home = settings.home.unwrap().display().to_string();
        explained
            .map(|setting| (setting.key, setting.value.replace(&home, "")))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&bare), values(&shown));

    let every_key = Machine::new().user(&defaults.replace("\n# ", "\n"));
    let settings = every_key.load().unwrap();
    // A key stands in a variable or in a file of its own.
    assert!(
        settings
            .explain()
            .iter()
            .filter(|setting| setting.key != "api_key")
            .all(|setting| setting.origin != "default")
    );
    let folder = |machine: &Machine| machine.folder.path().join("home");
    assert_eq!(
        settings.models_folder,
        folder(&every_key).join(".local/share/tenon/models")
    );
    assert_eq!(
        settings.prompts_folder,
        folder(&every_key).join(".config/tenon/prompts")
    );

    let settings = Machine::new()
        .user(&format!("{upstream}\n{route}"))
        .variable("GPU_KEY", "k")
        .load()
        .unwrap();
    assert_eq!(settings.upstreams.len(), 1);
    let [route] = settings.routes.as_slice() else {
        panic!("one route is shown")
    };
    assert_eq!(route.targets.len(), 2);
    assert_eq!(route.first_text, Some(Duration::from_secs(20)));
}

#[test]
fn routes_are_resolved_or_refused_with_the_place() {
    let route = |rest: &str| format!("[[route]]\nname = \"r\"\n{rest}\n");
    let good =
        route("[[route.target]]\nmodel = \"a\"\nweight = 3\n[[route.target]]\nmodel = \"b\"\ntier = 1");
    let settings = Machine::new().user(&good).load().unwrap();
    let targets = &settings.routes[0].targets;
    assert_eq!((targets[0].weight, targets[0].tier), (3, 0));
    assert_eq!((targets[1].weight, targets[1].tier), (1, 1));
    let target = "[[route.target]]\nmodel = \"a\"";
    for (text, said) in [
        (route(""), ":1: `route.target` is missing"),
        (
            route("[[route.target]]\nweight = 1"),
            ":3: `route.target.model` is missing",
        ),
        (
            route("[[route.target]]\nmodel = \"a\"\nweight = 0"),
            ":5: `route.target.weight` is 0",
        ),
        (route("[[route.target]]\nmodel = \"r\""), "which is a route"),
        (
            route("first_text = \"soon\"\n[[route.target]]\nmodel = \"a\""),
            ":3: `route.first_text`",
        ),
        (route("target = 1"), "expected tables"),
        (route(target) + &route(target), "names must differ"),
        (route("size = 1"), "there is no setting `route.size`"),
    ] {
        let message = Machine::new().user(&text).refusal();
        assert!(message.contains(said), "{text}: {message}");
    }
    let message = Machine::new().repository(&good).refusal();
    assert!(message.contains("route"), "{message}");
    let message = Machine::new()
        .user(&good)
        .repository("models = [\"r\"]")
        .refusal();
    assert!(message.contains("your decision"), "{message}");
}
