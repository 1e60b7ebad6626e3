use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, listen, socket};

/// A port of the loopback interface on which connections are neither made nor refused: they hang, as they do where
/// a firewall drops packets.
///
/// It listens and never accepts, and its queue is full.
#[derive(Debug)]
pub struct DeafPort {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

/// The shortest queue holds one or two.
const MOST_WAITING: usize = 64;

impl DeafPort {
    /// Takes a free port.
    pub fn open() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket can be made");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listen(&socket, 0).expect("it can listen");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("it has an address");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(50));
        let waiting: Vec<_> = (0..MOST_WAITING).map_while(|_| connect().ok()).collect();
        assert!(
            waiting.len() < MOST_WAITING,
            "the queue of a socket is never full"
        );
        Self {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}
