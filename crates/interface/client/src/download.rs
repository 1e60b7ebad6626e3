use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

use crate::{Client, ClientError};

/// It may take as long as it takes, if only something comes.
const SILENCE: Duration = Duration::from_secs(60);

/// An answer of any size, piece by piece.
pub struct Download {
    client: Client,
    response: Response,
}

impl Download {
    pub(crate) fn new(client: Client, response: Response) -> Self {
        Self { client, response }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When it breaks off, or nothing comes for a minute.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match timeout(SILENCE, self.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(Into::into)),
            Ok(Err(error)) => Err(self.client.unreachable(&error)),
            Err(_) => Err(self.client.silent(SILENCE)),
        }
    }
}
