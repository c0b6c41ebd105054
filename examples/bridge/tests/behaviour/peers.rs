//! Against programs of others, started on free ports with their files in a temporary folder. One that is not installed is skipped with a visible
//! line; `ci/net.sh` installs them.

use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::{Folder, PATIENCE, Server, free_address, lines, output, pause, peer, promised, run, skipped};

/// A certificate for `localhost` and its key: files.
fn certificate(folder: &Folder) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is made");
    (folder.write("certificate.pem", &made.cert.pem()), folder.write("key.pem", &made.signing_key.serialize_pem()))
}

const CURL: [&str; 5] = ["--silent", "--show-error", "--fail", "--max-time", "60"];

#[test]
fn curl_speaks_both_versions_of_http() {
    // curl 7.88 cannot use a connection of prior knowledge twice, to nginx neither; over TLS it can, below.
    for (version, requests) in [("--http1.1", 20), ("--http2-prior-knowledge", 1)] {
        let Some(mut curl) = peer("curl", "HTTP/1.1 and h2 by curl") else { return };
        let server = Server::example("http_hello", &["serve", "127.0.0.1:0"]);
        curl.args(CURL).arg(version).args((1..=requests).map(|number| format!("http://{}/{number}", server.address)));
        let expected: Vec<_> = (1..=requests).map(|number| format!("hello, {number}")).collect();
        assert_eq!(lines(&output(curl)), expected, "{version}");
    }
}

#[test]
fn wrk_finds_no_error_on_many_connections() {
    let Some(mut wrk) = peer("wrk", "many connections by wrk") else { return };
    let server = Server::example("http_hello", &["serve", "127.0.0.1:0"]);
    wrk.args(["-c", "256", "-t", "2", "-d", "2s", "--timeout", "30s"]).arg(format!("http://{}/wrk", server.address));
    let report = output(wrk);
    println!("{report}");
    assert!(report.contains("requests in"), "{report}");
    assert!(!report.contains("Socket errors") && !report.contains("Non-2xx"), "{report}");
}

#[test]
fn openssl_and_curl_reach_a_server_over_tls() {
    let folder = Folder::new("tls-server");
    let (certificate, key) = certificate(&folder);
    let server = Server::example("https_get", &["serve", "127.0.0.1:0", &certificate, &key]);
    let port = server.address.port();
    for (version, protocol) in [("-tls1_3", "http/1.1"), ("-tls1_3", "h2"), ("-tls1_2", "http/1.1")] {
        let Some(mut openssl) = peer("openssl", "our TLS server by openssl s_client") else { break };
        let address = format!("127.0.0.1:{port}");
        openssl.args(["s_client", "-connect", &address, "-servername", "localhost", "-CAfile", &certificate]);
        openssl.args(["-verify_return_error", version, "-alpn", protocol]);
        let report = output(openssl);
        assert!(report.contains("Verify return code: 0 (ok)"), "{report}");
        assert!(report.contains(&format!("ALPN protocol: {protocol}")), "{report}");
    }
    for version in ["--http1.1", "--http2"] {
        let Some(mut curl) = peer("curl", "HTTPS by curl") else { break };
        let resolve = format!("localhost:{port}:127.0.0.1");
        curl.args(CURL).args([version, "--cacert", &certificate, "--resolve", &resolve]);
        curl.args((0..20).map(|number| format!("https://localhost:{port}/{number}")));
        assert_eq!(output(curl), "nobody else reads this.\n".repeat(20), "{version}");
    }
}

#[test]
fn we_reach_openssl_over_tls() {
    let folder = Folder::new("tls-client");
    let (certificate, key) = certificate(&folder);
    for (option, version) in [("-tls1_3", "TLSv1_3"), ("-tls1_2", "TLSv1_2")] {
        let Some(mut openssl) = peer("openssl", "our TLS client by openssl s_server") else { return };
        let address = free_address();
        openssl.args([
            "s_server",
            "-accept",
            &address.to_string(),
            "-cert",
            &certificate,
            "-key",
            &key,
            option,
            "-www",
        ]);
        openssl.stderr(Stdio::null());
        let server = Server::other(openssl, address);
        let asked = run("https_get", &[&format!("https://localhost:{}/", server.address.port()), &certificate]);
        assert!(asked[0].starts_with(&format!("http/1.1 over {version}: 200 OK")), "{asked:?}");
    }
}

/// nginx with a page of a megabyte, plain and over TLS.
fn nginx(folder: &Folder, untried: &str) -> Option<(Server, SocketAddr, String)> {
    let mut nginx = peer("nginx", untried)?;
    let (plain, secure, (certificate, key)) = (free_address(), free_address(), certificate(folder));
    let page: String = (0..100_000).map(|number| format!("line {number:05}\n")).collect();
    folder.write("page.txt", &page);
    let root = folder.0.display();
    // As root it would give its workers to somebody who may not write here.
    let text = format!(
        "user root; daemon off; pid {root}/nginx.pid; error_log stderr error; master_process off;
        events {{ worker_connections 512; }}
        http {{
            access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
            fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
            server {{
                listen {plain}; listen {secure} ssl http2; root {root};
                ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};
                location = /small {{ return 200 \"from nginx\"; }}
                location = /header {{ return 200 \"$http_x_mine $http_x_hop $host\"; }}
            }}
        }}"
    );
    nginx.args(["-e", "stderr", "-p", &root.to_string(), "-c", &folder.write("nginx.conf", &text)]);
    nginx.stderr(Stdio::null());
    Some((Server::other(nginx, plain), secure, certificate))
}

#[test]
fn nginx_answers_through_the_proxy() {
    let folder = Folder::new("proxy");
    let Some((nginx, ..)) = nginx(&folder, "nginx behind the proxy") else { return };
    let proxy = Server::example("reverse_proxy", &["127.0.0.1:0", &nginx.address.to_string()]);
    let page = std::fs::read_to_string(folder.0.join("page.txt")).expect("it was written");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let Some(mut curl) = peer("curl", "the proxy by curl") else { return };
        curl.args(CURL).arg(version).arg(format!("http://{}/page.txt", proxy.address));
        assert!(output(curl) == page, "{version}: another page");

        // What is said to the next hop alone stays there.
        let Some(mut curl) = peer("curl", "the proxy by curl") else { return };
        curl.args(CURL).args([version, "-H", "host: somewhere", "-H", "x-mine: mine", "-H", "x-hop: hop"]);
        if version == "--http1.1" {
            curl.args(["-H", "connection: x-hop"]);
        }
        curl.arg(format!("http://{}/header", proxy.address));
        let expected = if version == "--http1.1" { "mine  somewhere" } else { "mine hop somewhere" };
        assert_eq!(output(curl), expected);
    }
    drop(nginx);
    let Some(mut curl) = peer("curl", "the proxy by curl") else { return };
    curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    curl.arg(format!("http://{}/small", proxy.address));
    assert_eq!(output(curl), "502");
}

#[test]
fn nginx_answers_over_tls_and_to_an_unchanged_client() {
    let folder = Folder::new("nginx");
    let Some((nginx, secure, certificate)) = nginx(&folder, "TLS and ureq to nginx") else { return };
    let asked = run("https_get", &[&format!("https://localhost:{}/page.txt", secure.port()), &certificate]);
    assert_eq!(asked, ["h2 over TLSv1_3: 200 OK, 1100000 bytes"]);
    let asked = run("unchanged", &[&format!("http://{}/small", nginx.address)]);
    assert_eq!(asked, ["ureq: 16 goroutines, 16 answers of 10 bytes, a clock ticking all the while"]);
}

#[test]
fn redis_answers_in_order() {
    let Some(mut redis) = peer("redis-server", "a pipeline to redis") else { return };
    let (folder, address) = (Folder::new("redis"), free_address());
    redis.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--dir", &folder.file("")]);
    let server = Server::other(redis, address);
    assert_eq!(run("redis_pipeline", &[&server.address.to_string()]), promised("redis_pipeline"));
}

/// It does not serve root: there it is started as the user that its package made, or as nobody.
fn postgres(folder: &Folder) -> Option<Server> {
    let (mut initdb, mut postgres) = (peer("initdb", "a database")?, peer("postgres", "a database")?);
    let mut ready = peer("pg_isready", "a database")?;
    // SAFETY: it only asks, and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        let id = Command::new("id").args(["-u", "postgres"]).output().expect("every system has it");
        let id = String::from_utf8_lossy(&id.stdout).trim().parse().unwrap_or(65534);
        chown(&folder.0, Some(id), None).expect("root may");
        initdb.uid(id);
        postgres.uid(id);
    }
    let data = folder.file("data");
    initdb.current_dir(&folder.0).args(["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync"]);
    output(initdb);
    let address = free_address();
    let port = address.port().to_string();
    postgres.current_dir(&folder.0).args(["-D", &data, "-p", &port, "-c", "listen_addresses=127.0.0.1"]);
    postgres.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]).stderr(Stdio::null());
    let server = Server::other(postgres, address);
    ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
    let begun = Instant::now();
    while !ready.status().expect("it is installed").success() {
        assert!(begun.elapsed() < PATIENCE, "postgres is not ready");
        pause();
    }
    Some(server)
}

#[test]
fn postgres_answers_by_our_sockets_and_by_its_own_driver() {
    let folder = Folder::new("postgres");
    let Some(server) = postgres(&folder) else { return };
    let port = server.address.port();
    let config = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
    assert_eq!(run("postgres_query", &[&config]), promised("postgres_query"));
    let hello = Server::example("http_hello", &["serve", "127.0.0.1:0"]);
    let asked = run("unchanged", &[&format!("http://{}/", hello.address), &config]);
    assert_eq!(asked[1], "postgres: 16 goroutines, 16 right answers");
}

/// Runs a client of Python's whose packages may be missing.
fn python(script: &str, package: &str, server: &Server) -> Option<String> {
    let probe = peer("python3", script)?.args(["-c", &format!("import {package}")]).stderr(Stdio::null()).status();
    if !probe.expect("it is installed").success() {
        skipped(&format!("{script}: python3 has no {package}"));
        return None;
    }
    let mut python = peer("python3", script)?;
    python.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script));
    python.arg(server.address.to_string());
    Some(output(python))
}

#[test]
fn grpcs_own_client_is_answered() {
    let server = Server::example("grpc_hello", &["serve", "127.0.0.1:0"]);
    let Some(answers) = python("grpc_client.py", "grpc", &server) else { return };
    assert_eq!(
        lines(&answers),
        ["hello, python", "5 4 3 2 1 0", "first! second!", "INVALID_ARGUMENT", "UNIMPLEMENTED", "50"]
    );
}

#[test]
fn a_websocket_client_of_pythons_is_answered() {
    let server = Server::example("websocket_echo", &["serve", "127.0.0.1:0"]);
    let Some(answers) = python("websocket_client.py", "websockets", &server) else { return };
    assert_eq!(lines(&answers), ["50 texts, 50 came back", "100000 bytes came back", "closed with 1000"]);
}
