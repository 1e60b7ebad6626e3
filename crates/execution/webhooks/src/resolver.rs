use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Finds the addresses of a host.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Every address of the host.
    ///
    /// # Errors
    /// When there is none, or nobody knows.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the system finds them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // The port plays no part in it.
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
