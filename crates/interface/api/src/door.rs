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
    /// Asks whoever is at the browser whether a program on their machine may have a key.
    Program,
    /// Gives the program its key.
    Redeem,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 5] = [
        Self::Login,
        Self::Callback,
        Self::Logout,
        Self::Program,
        Self::Redeem,
    ];

    /// The name in the OpenAPI document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "Login",
            Self::Callback => "LoginCallback",
            Self::Logout => "Logout",
            Self::Program => "AskForProgram",
            Self::Redeem => "RedeemGrant",
        }
    }

    /// How it is asked.
    pub fn method(self) -> Method {
        match self {
            Self::Login | Self::Callback | Self::Program => Method::Get,
            Self::Logout | Self::Redeem => Method::Post,
        }
    }

    /// Where.
    pub fn path(self) -> &'static str {
        match self {
            Self::Login => "/auth/login",
            Self::Callback => "/auth/callback",
            Self::Logout => "/auth/logout",
            Self::Program => "/auth/program",
            Self::Redeem => "/auth/redeem",
        }
    }

    /// What it does, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Login => "Sign in: go to the identity provider, and afterwards to the path `?return_to=`.",
            Self::Callback => "Come back from the identity provider, and get a session.",
            Self::Logout => "End one's session.",
            Self::Program => {
                "Ask whoever is at the browser whether a program on their machine may have a key: what `tenon login` opens."
            }
            Self::Redeem => "Exchange the code that the browser brought for a key. It is shown this once.",
        }
    }

    /// The status of its success.
    pub fn status(self) -> u16 {
        match self {
            Self::Login | Self::Callback => 303,
            Self::Logout => 204,
            Self::Program => 200,
            Self::Redeem => 201,
        }
    }
}
