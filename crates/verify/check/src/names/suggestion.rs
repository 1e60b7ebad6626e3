//! The import that a missing name most likely lacks.

use tenon_syntax::Language;

use crate::tables::python_modules;

/// The import statement that would define `name`, for names that programs of the language everywhere import
/// from the same place.
pub fn suggested_import(language: Language, name: &str) -> Option<String> {
    match language {
        Language::Python => python(name),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript(name),
        Language::Rust | Language::Go | Language::Java => None,
    }
}

fn python(name: &str) -> Option<String> {
    let module = match name {
        "Any" | "Callable" | "ClassVar" | "Dict" | "FrozenSet" | "Generator" | "Generic" | "Iterable"
        | "Iterator" | "List" | "Literal" | "Mapping" | "MutableMapping" | "NamedTuple" | "NoReturn"
        | "Optional" | "Protocol" | "Sequence" | "Set" | "Tuple" | "Type" | "TypeVar" | "TypedDict"
        | "Union" | "cast" | "overload" | "TYPE_CHECKING" | "Final" | "Hashable" | "Awaitable"
        | "Coroutine" | "AsyncIterator" | "AsyncGenerator" | "Annotated" | "Self" => "typing",
        "Counter" | "OrderedDict" | "defaultdict" | "deque" | "namedtuple" | "ChainMap" => "collections",
        "ABC" | "abstractmethod" => "abc",
        "dataclass" | "field" | "asdict" | "astuple" => "dataclasses",
        "lru_cache" | "cache" | "cached_property" | "partial" | "reduce" | "wraps" | "total_ordering"
        | "cmp_to_key" => "functools",
        "accumulate"
        | "chain"
        | "combinations"
        | "combinations_with_replacement"
        | "count"
        | "cycle"
        | "groupby"
        | "islice"
        | "pairwise"
        | "permutations"
        | "product"
        | "repeat"
        | "starmap"
        | "takewhile"
        | "dropwhile"
        | "zip_longest" => "itertools",
        "ceil" | "comb" | "factorial" | "floor" | "gcd" | "hypot" | "isqrt" | "lcm" | "prod" | "sqrt"
        | "inf" => "math",
        "heapify" | "heappop" | "heappush" | "nlargest" | "nsmallest" => "heapq",
        "bisect_left" | "bisect_right" | "insort" => "bisect",
        "itemgetter" | "attrgetter" => "operator",
        "contextmanager" | "suppress" => "contextlib",
        "deepcopy" => "copy",
        "Decimal" => "decimal",
        "Fraction" => "fractions",
        "Enum" | "IntEnum" | "auto" => "enum",
        "Path" => "pathlib",
        "timedelta" => "datetime",
        "StringIO" | "BytesIO" => "io",
        "ThreadPoolExecutor" => "concurrent.futures",
        _ if python_modules::commonly_imported(name) => return Some(format!("import {name}")),
        _ => return None,
    };
    Some(format!("from {module} import {name}"))
}

fn javascript(name: &str) -> Option<String> {
    let module = match name {
        "readFileSync" | "writeFileSync" | "existsSync" | "mkdirSync" => "node:fs",
        "readFile" | "writeFile" => "node:fs/promises",
        "EventEmitter" => "node:events",
        "createHash" | "randomBytes" | "randomUUID" => "node:crypto",
        "promisify" | "inspect" | "isDeepStrictEqual" => "node:util",
        "fileURLToPath" => "node:url",
        "assert" | "fs" | "path" | "os" | "util" => {
            return Some(format!("import {name} from \"node:{name}\""));
        }
        _ => return None,
    };
    Some(format!("import {{ {name} }} from \"{module}\""))
}
