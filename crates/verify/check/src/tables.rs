//! Facts about languages and registries, as data. Where each table comes from stands in its file.

pub(crate) mod javascript_globals;
pub(crate) mod packages;
pub(crate) mod python_builtins;
pub(crate) mod python_modules;
