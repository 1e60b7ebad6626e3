//! Imports that small models forget, as a table: a fix that needs no model.

use tenon_syntax::{Import, ImportKind, ImportedName, Language, SourceFile, Span};

use crate::splice::with_imports;

/// The text of `file` with imports for those of the `undefined` names whose origin is beyond doubt. `None` when
/// there is none.
pub fn add_missing_imports(file: &SourceFile, undefined: &[impl AsRef<str>]) -> Option<String> {
    let mut imports: Vec<Import> = Vec::new();
    for name in undefined {
        let Some((module, member)) = origin(file, name.as_ref()) else {
            continue;
        };
        let names = member.map(|member| ImportedName {
            name: member.to_owned(),
            alias: None,
        });
        let merged = imports
            .iter_mut()
            .find(|import| import.module == module && import.names.is_empty() == names.is_none());
        match merged {
            Some(import) => import
                .names
                .extend(names.filter(|name| !import.names.contains(name))),
            None => imports.push(Import {
                module: module.to_owned(),
                kind: if names.is_some() {
                    ImportKind::Names
                } else {
                    ImportKind::Module
                },
                names: names.into_iter().collect(),
                wildcard: false,
                alias: alias(name.as_ref(), module),
                relative_level: 0,
                span: Span::default(),
                line: 0,
            }),
        }
    }
    with_imports(file, &imports)
}

/// `np` is what everybody calls `numpy`.
fn alias(name: &str, module: &str) -> Option<String> {
    (matches!(name, "np" | "pd" | "plt") && module != name).then(|| name.to_owned())
}

/// The module of a name, and the name in it; no name when the module itself is meant.
fn origin(file: &SourceFile, name: &str) -> Option<(&'static str, Option<&'static str>)> {
    match file.language() {
        Language::Python => namesake(file, name).or_else(|| python(name)),
        Language::Rust => rust(name),
        Language::Go => go(name),
        Language::Java => java(name),
        // Node's modules have no names of their own that code could use without importing them.
        Language::JavaScript | Language::TypeScript | Language::Tsx => None,
    }
}

/// Some of Python's modules hold something of their own name; how the name is used tells which is meant.
fn namesake(file: &SourceFile, name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let member = ["copy", "datetime", "glob", "pprint", "time"]
        .into_iter()
        .find(|member| *member == name)?;
    let methods = [
        "now",
        "today",
        "strptime",
        "fromisoformat",
        "utcnow",
        "combine",
        "fromtimestamp",
        "min",
        "max",
    ];
    let meant = file
        .references()
        .iter()
        .filter(|reference| reference.name == name)
        .all(|reference| {
            let behind = file.text().get(reference.span.end..).unwrap_or_default();
            let method = behind.strip_prefix('.').is_some_and(|rest| {
                member == "datetime" && methods.iter().any(|method| rest.starts_with(method))
            });
            method || behind.starts_with('(') || (member == "datetime" && !behind.starts_with('.'))
        });
    meant.then_some((member, Some(member)))
}

macro_rules! table {
    ($name:expr, $($module:literal: [$($member:literal),+ $(,)?],)*) => {
        match $name {
            $($($member => Some(($module, Some($member))),)+)*
            _ => None,
        }
    };
}

fn python(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    const MODULES: [&str; 46] = [
        "abc",
        "argparse",
        "ast",
        "asyncio",
        "base64",
        "bisect",
        "calendar",
        "collections",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "glob",
        "hashlib",
        "heapq",
        "hmac",
        "html",
        "inspect",
        "io",
        "itertools",
        "json",
        "logging",
        "math",
        "operator",
        "os",
        "pathlib",
        "pickle",
        "queue",
        "random",
        "re",
        "secrets",
        "shutil",
        "sqlite3",
        "statistics",
        "string",
        "struct",
        "subprocess",
        "sys",
        "tempfile",
        "textwrap",
        "threading",
    ];
    const MORE: [&str; 9] = [
        "time",
        "timeit",
        "traceback",
        "types",
        "typing",
        "unicodedata",
        "urllib",
        "uuid",
        "warnings",
    ];
    if let Some(module) = MODULES.iter().chain(&MORE).find(|module| **module == name) {
        return Some((module, None));
    }
    let alias = match name {
        "np" => Some(("numpy", None)),
        "pd" => Some(("pandas", None)),
        _ => None,
    };
    alias.or(table!(
        name,
        "typing": [
            "Any", "Callable", "ClassVar", "Dict", "Final", "FrozenSet", "Generator", "Generic", "Iterable",
            "Iterator", "List", "Literal", "Mapping", "MutableMapping", "NamedTuple", "Optional", "Protocol",
            "Sequence", "Set", "Tuple", "Type", "TypeVar", "TypedDict", "Union", "cast", "overload",
        ],
        "collections": ["Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"],
        "itertools": [
            "accumulate", "chain", "combinations", "combinations_with_replacement", "groupby", "islice", "pairwise",
            "permutations", "product", "takewhile", "dropwhile", "zip_longest", "starmap", "tee",
        ],
        "functools": ["cache", "cached_property", "cmp_to_key", "lru_cache", "partial", "reduce", "singledispatch", "wraps"],
        "heapq": ["heapify", "heappop", "heappush", "heappushpop", "heapreplace", "nlargest", "nsmallest"],
        "bisect": ["bisect_left", "bisect_right", "insort", "insort_left", "insort_right"],
        "math": ["ceil", "comb", "factorial", "floor", "gcd", "hypot", "isclose", "isqrt", "lcm", "log10", "log2", "prod", "sqrt"],
        "copy": ["deepcopy"],
        "dataclasses": ["dataclass", "field", "asdict", "replace"],
        "datetime": ["timedelta", "timezone"],
        "decimal": ["Decimal", "ROUND_HALF_UP"],
        "fractions": ["Fraction"],
        "enum": ["Enum", "IntEnum", "StrEnum", "auto"],
        "abc": ["ABC", "abstractmethod"],
        "pathlib": ["Path", "PurePath"],
        "contextlib": ["contextmanager", "suppress", "ExitStack"],
        "io": ["StringIO", "BytesIO"],
        "string": ["ascii_letters", "ascii_lowercase", "ascii_uppercase", "punctuation"],
        "statistics": ["fmean", "median", "stdev"],
        "uuid": ["uuid4"],
        "operator": ["itemgetter", "attrgetter"],
    ))
}

fn rust(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let module = match name {
        "fmt" => Some(("std", Some("fmt"))),
        "mem" => Some(("std", Some("mem"))),
        "cmp" => Some(("std", Some("cmp"))),
        "env" => Some(("std", Some("env"))),
        "fs" => Some(("std", Some("fs"))),
        "io" => Some(("std", Some("io"))),
        "iter" => Some(("std", Some("iter"))),
        "thread" => Some(("std", Some("thread"))),
        "mpsc" => Some(("std::sync", Some("mpsc"))),
        _ => None,
    };
    module.or(table!(
        name,
        "std::collections": ["BTreeMap", "BTreeSet", "BinaryHeap", "HashMap", "HashSet", "LinkedList", "VecDeque"],
        "std::collections::hash_map": ["Entry"],
        "std::cmp": ["Ordering", "Reverse"],
        "std::rc": ["Rc"],
        "std::sync": ["Arc", "Mutex", "OnceLock", "RwLock", "LazyLock"],
        "std::cell": ["Cell", "RefCell"],
        "std::fmt": ["Debug", "Display", "Formatter"],
        "std::str": ["FromStr"],
        "std::error": ["Error"],
        "std::path": ["Path", "PathBuf"],
        "std::time": ["Duration", "Instant", "SystemTime"],
        "std::ops": ["Add", "AddAssign", "Deref", "DerefMut", "Div", "Index", "IndexMut", "Mul", "Neg", "Range", "Sub"],
        "std::hash": ["Hash", "Hasher"],
        "std::iter": ["FromIterator", "Peekable"],
        "std::borrow": ["Cow"],
        "std::marker": ["PhantomData"],
        "std::fs": ["File"],
        "std::io": ["BufRead", "BufReader", "BufWriter", "Read", "Write"],
        "std::num": ["ParseIntError", "ParseFloatError"],
    ))
}

fn go(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    const MODULES: [&str; 28] = [
        "bufio",
        "bytes",
        "container/heap",
        "container/list",
        "context",
        "encoding/json",
        "errors",
        "fmt",
        "io",
        "log",
        "maps",
        "math",
        "math/rand",
        "net/http",
        "os",
        "path/filepath",
        "reflect",
        "regexp",
        "slices",
        "sort",
        "strconv",
        "strings",
        "sync",
        "sync/atomic",
        "testing",
        "time",
        "unicode",
        "unicode/utf8",
    ];
    MODULES
        .iter()
        .find(|module| module.rsplit('/').next() == Some(name))
        .map(|module| (*module, None))
}

fn java(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    table!(
        name,
        "java.util": [
            "ArrayDeque", "ArrayList", "Arrays", "Collection", "Collections", "Comparator", "Deque", "HashMap",
            "HashSet", "Iterator", "LinkedHashMap", "LinkedHashSet", "LinkedList", "List", "Locale", "Map",
            "NoSuchElementException", "Objects", "Optional", "PriorityQueue", "Queue", "Random", "Scanner", "Set",
            "Stack", "StringJoiner", "TreeMap", "TreeSet", "UUID",
        ],
        "java.util.stream": ["Collectors", "IntStream", "Stream"],
        "java.util.function": ["BiFunction", "Consumer", "Function", "Predicate", "Supplier", "UnaryOperator"],
        "java.util.regex": ["Matcher", "Pattern"],
        "java.util.concurrent": ["ConcurrentHashMap", "ExecutorService", "Executors", "TimeUnit"],
        "java.util.concurrent.atomic": ["AtomicInteger", "AtomicLong"],
        "java.math": ["BigDecimal", "BigInteger", "RoundingMode"],
        "java.io": ["BufferedReader", "File", "IOException", "InputStream", "InputStreamReader"],
        "java.nio.file": ["Files", "Path", "Paths"],
        "java.time": ["Duration", "Instant", "LocalDate", "LocalDateTime"],
    )
}
