//! Speech synthesis by Coqui's server. It brings PyTorch with it, some gigabytes: on an appliance it is a unit,
//! anywhere else whoever wants it starts it.

use jex_config::TtsProvider;
use jex_providers::CoquiOptions;
use url::Url;

use super::Stack;
use crate::SupervisorError;
use crate::component::{Component, Probe, Synthesizer, WarmUp};

const NAME: &str = "coqui";

pub fn declare(stack: &Stack) -> Result<Option<Component>, SupervisorError> {
    let tts = &stack.settings.tts;
    if tts.provider != TtsProvider::Coqui {
        return Ok(None);
    }
    let options = CoquiOptions::from_settings(&stack.settings);
    Ok(Some(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: stack.origin(NAME, (&tts.url, "tts.url"), |_| Err(not_started_here()))?,
        ready: Probe::Http {
            url: languages(&options.base_url),
        },
        warm_up: WarmUp::Synthesis {
            by: Synthesizer::Coqui(Box::new(options)),
        },
    }))
}

/// A page that the server makes without the model, of a name that other servers do not have.
fn languages(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/locales", base.path().trim_end_matches('/')));
    url
}

fn not_started_here() -> SupervisorError {
    SupervisorError::CannotStart {
        component: NAME,
        reason: "JEX runs Coqui's server only on an appliance. Start it yourself (`tts-server --model_name \
                 tts_models/en/ljspeech/vits`) and set `tts.url` in jex.toml to \"http://127.0.0.1:5002\", or \
                 set `tts.provider` to \"wyoming\"."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Origin;
    use crate::components::tests::stack;
    use crate::components::{Backend, Units};

    #[test]
    fn without_an_address_the_owner_is_told_to_start_one() {
        let (_home, mut stack) = stack();
        stack.settings.tts.provider = TtsProvider::Coqui;

        let error = declare(&stack).unwrap_err().to_string();

        assert!(
            error.contains("tts-server") && error.contains("`tts.url`"),
            "{error}"
        );
    }

    #[test]
    fn a_configured_one_is_asked_below_its_address() {
        let (_home, mut stack) = stack();
        stack.settings.tts.provider = TtsProvider::Coqui;
        stack.settings.tts.url = Some("http://192.168.1.20/voice/".parse().unwrap());

        let coqui = declare(&stack).unwrap().unwrap();

        assert!(matches!(
            coqui.origin,
            Origin::External { key: "tts.url", .. }
        ));
        let Probe::Http { url } = coqui.ready else {
            panic!("{:?}", coqui.ready);
        };
        assert_eq!(url.as_str(), "http://192.168.1.20/voice/locales");
    }

    #[test]
    fn on_an_appliance_it_is_a_unit_on_loopback() {
        let (_home, mut stack) = stack();
        stack.settings.tts.provider = TtsProvider::Coqui;
        stack.backend = Backend::Units(Units::default());

        let coqui = declare(&stack).unwrap().unwrap();

        assert!(matches!(coqui.origin, Origin::Unit("tts-jex.service")));
        let Probe::Http { url } = coqui.ready else {
            panic!("{:?}", coqui.ready);
        };
        assert_eq!(url.as_str(), "http://127.0.0.1:5002/locales");
    }

    #[test]
    fn another_voice_needs_no_coqui() {
        let (_home, stack) = stack();

        assert!(declare(&stack).unwrap().is_none());
    }
}
