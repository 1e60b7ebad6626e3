use crate::Method;

/// A route that lets people in and out. Nobody can be asked about permission before it: what is decided there, by the
/// word of an identity provider, is recorded instead. Everything else is an [`Operation`](crate::Operation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Sends somebody to the identity provider.
    Login,
    /// Lets somebody in who comes back from there.
    Callback,
    /// Ends their session.
    Logout,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 3] = [Self::Login, Self::Callback, Self::Logout];

    /// The name in the OpenAPI document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "Login",
            Self::Callback => "LoginCallback",
            Self::Logout => "Logout",
        }
    }

    /// How it is asked.
    pub fn method(self) -> Method {
        match self {
            Self::Login | Self::Callback => Method::Get,
            Self::Logout => Method::Post,
        }
    }

    /// Where.
    pub fn path(self) -> &'static str {
        match self {
            Self::Login => "/auth/login",
            Self::Callback => "/auth/callback",
            Self::Logout => "/auth/logout",
        }
    }

    /// What it does, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Login => "Sign in: go to the identity provider, and afterwards to the path `?return_to=`.",
            Self::Callback => "Come back from the identity provider, and get a session.",
            Self::Logout => "End one's session.",
        }
    }

    /// The status of its success.
    pub fn status(self) -> u16 {
        match self {
            Self::Login | Self::Callback => 303,
            Self::Logout => 204,
        }
    }
}
