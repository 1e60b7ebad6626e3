use crate::options::Options;

/// All layers, the weakest first, folded into one: what is stated later wins, key by key. Upstreams and routes add up.
pub(crate) fn layer(layers: impl IntoIterator<Item = Options>) -> Options {
    layers.into_iter().fold(Options::default(), |lower, upper| {
        let mut upstreams = lower.upstreams;
        upstreams.extend(upper.upstreams);
        let mut routes = lower.routes;
        routes.extend(upper.routes);
        Options {
            models: upper.models.or(lower.models),
            sandbox: upper.sandbox.or(lower.sandbox),
            threads: upper.threads.or(lower.threads),
            context_length: upper.context_length.or(lower.context_length),
            parallel: upper.parallel.or(lower.parallel),
            hugging_face_url: upper.hugging_face_url.or(lower.hugging_face_url),
            server: upper.server.or(lower.server),
            database: upper.database.or(lower.database),
            api_key: upper.api_key.or(lower.api_key),
            event_sink: upper.event_sink.or(lower.event_sink),
            sign_in: upper.sign_in.or(lower.sign_in),
            trace_endpoint: upper.trace_endpoint.or(lower.trace_endpoint),
            trace_headers: upper.trace_headers.or(lower.trace_headers),
            max_time: upper.max_time.or(lower.max_time),
            max_attempts: upper.max_attempts.or(lower.max_attempts),
            redact_secrets: upper.redact_secrets.or(lower.redact_secrets),
            redact_personal: upper.redact_personal.or(lower.redact_personal),
            data_folder: upper.data_folder.or(lower.data_folder),
            cache_folder: upper.cache_folder.or(lower.cache_folder),
            models_folder: upper.models_folder.or(lower.models_folder),
            prompts_folder: upper.prompts_folder.or(lower.prompts_folder),
            upstreams,
            routes,
        }
    })
}
