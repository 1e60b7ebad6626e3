//! A port for a server that is ended and started again.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

/// A port that nobody else is given in the time in which the server does not listen: it is bound here, too, and what
/// is bound this way may be bound once more by whoever listens.
pub struct ReservedPort(TcpListener);

impl ReservedPort {
    pub fn take() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_reuseaddr(&socket, true).unwrap();
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self(TcpListener::from(socket))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}
