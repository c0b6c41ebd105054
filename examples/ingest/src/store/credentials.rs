//! AWS credentials from the usual places, without a second runtime.
//!
//! reqsign, on which OpenDAL stands, knows the places: environment variables,
//! the profile files, web identity (IRSA), an external process, the container
//! endpoint (ECS, EKS) and the instance metadata service. But OpenDAL hands it a
//! file reader that needs a tokio runtime. [`chain`] wraps the whole chain and
//! gives it a reader that works on goroutines; what it sends goes through our
//! transport, which OpenDAL puts into the context already.

use std::process::Command;

use reqsign_aws_v4::{Credential, DefaultCredentialProvider, StaticCredentialProvider};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Error, FileRead, ProvideCredential, ProvideCredentialChain, Result,
};

use crate::config::Keys;
use crate::transport::off_poll;

/// The chain of providers for OpenDAL's S3 service: the given keys, else the usual places.
pub fn chain(keys: Option<&Keys>) -> ProvideCredentialChain<Credential> {
    let chain = ProvideCredentialChain::new();
    match keys {
        Some(keys) => chain.push(StaticCredentialProvider::new(&keys.access, &keys.secret)),
        None => chain.push(OnGoroutines(DefaultCredentialProvider::new())),
    }
}

#[derive(Debug)]
struct OnGoroutines<P>(P);

impl<P: ProvideCredential> ProvideCredential for OnGoroutines<P> {
    type Credential = P::Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<P::Credential>> {
        let context = context.clone().with_file_read(GoroutineFileRead).with_command_execute(GoroutineCommand);
        self.0.provide_credential(&context).await
    }
}

/// Reads files on a goroutine of their own, since a poll must not block.
#[derive(Debug)]
struct GoroutineFileRead;

impl FileRead for GoroutineFileRead {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        let owned = path.to_owned();
        off_poll(move || threadle::blocking(|| std::fs::read(owned)))
            .await
            .map_err(|error| Error::unexpected(format!("{path}: {error}")).with_source(error))
    }
}

/// Runs `credential_process` commands of a profile.
#[derive(Debug)]
struct GoroutineCommand;

impl CommandExecute for GoroutineCommand {
    async fn command_execute<'a>(&'a self, program: &'a str, arguments: &'a [&'a str]) -> Result<CommandOutput> {
        let mut command = Command::new(program);
        command.args(arguments);
        let output = off_poll(move || threadle::blocking(|| command.output()))
            .await
            .map_err(|error| Error::unexpected(format!("{program}: {error}")).with_source(error))?;
        Ok(CommandOutput { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bytes::Bytes;
    use http::{Request, Response};
    use reqsign_core::{HttpSend, StaticEnv};

    use super::*;

    /// The token service of AWS, which has no address but its own.
    #[derive(Debug)]
    struct TokenService;

    impl HttpSend for TokenService {
        async fn http_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
            assert_eq!(request.uri(), "https://sts.eu-west-1.amazonaws.com/");
            let asked = String::from_utf8(request.into_body().to_vec()).expect("a form");
            assert!(asked.contains("Action=AssumeRoleWithWebIdentity"), "{asked}");
            assert!(asked.contains("WebIdentityToken=the-token&"), "{asked}");
            Ok(Response::new(Bytes::from_static(
                b"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
                  <AccessKeyId>key</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
                  <SessionToken>session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>\
                  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            )))
        }
    }

    fn load(variables: &[(&str, &str)]) -> Option<Credential> {
        let envs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let envs = StaticEnv { home_dir: None, envs: HashMap::from_iter(envs) };
        let context = Context::new().with_env(envs).with_http_send(TokenService);
        threadle::run(|| threadle::block_on(chain(None).provide_credential(&context))).expect("no error")
    }

    #[test]
    fn web_identity() {
        let token = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&token, "the-token\n").expect("a written file");
        let found = load(&[
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &token.path().to_string_lossy()),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
        ])
        .expect("credentials");
        assert_eq!((found.access_key_id.as_str(), found.session_token.as_deref()), ("key", Some("session")));
    }

    #[test]
    fn variables() {
        let found = load(&[("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")]).expect("credentials");
        assert_eq!((found.access_key_id.as_str(), found.session_token), ("key", None));
    }
}
