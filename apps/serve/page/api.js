// The service, as docs/serving.md describes it. Everything that leaves the page leaves here.

const kKeyName = "san-api-key";
/** New words from which on it is worth to show how far embedding them is. */
const kManyWords = 24;
const kPollMs = 250, kScoreSide = 640;

/** What went wrong, in words for people; `code` is the service's. */
export class ServiceError extends Error {
  constructor(message, code = "", status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const kPlain = {
  401: "This service wants a key.",
  404: "The service does not know that.",
  408: "The service waited too long for the picture. Is the connection slow?",
  413: "The picture is too large for this service.",
  415: "The service cannot read this kind of picture.",
  429: "Too many requests at once. Wait a moment, then try again.",
  503: "The service is busy. Wait a moment, then try again.",
};

async function failure(response) {
  let body = null;
  try { body = await response.json(); } catch { /* not from the service itself: a proxy's page */ }
  const told = typeof body?.error === "object" ? body.error.message : body?.message;
  const plain = kPlain[response.status] ?? (response.status >= 500 ? "The service failed." : "");
  return new ServiceError([plain, told].filter(Boolean).join(" "), body?.error?.code ?? "", response.status);
}

export function createApi({ askForKey }) {
  const headers = () => {
    const key = sessionStorage.getItem(kKeyName);
    return key ? { Authorization: `Bearer ${key}` } : {};
  };

  const call = async (path, { method = "GET", body, signal, type, accept } = {}) => {
    for (;;) {
      let response;
      try {
        response = await fetch(path, { method, body, signal, headers: { ...headers(), ...(type && { "Content-Type": type }), ...(accept && { Accept: accept }) } });
      } catch (e) {
        if (e.name === "AbortError") throw e;
        throw new ServiceError("The service does not answer. Is it running, and is this device connected?", "unreachable");
      }
      if (response.ok) return response;
      const error = await failure(response);
      if (response.status !== 401) throw error;
      const key = await askForKey(Boolean(headers().Authorization));
      if (!key) throw error;
      sessionStorage.setItem(kKeyName, key);
    }
  };
  const json = async (...args) => (await call(...args)).json();

  const bankOf = ({ settings, bank }) =>
    !settings.examples ? { bank: false } : bank && !bank.fixed && bank.setting === settings.model ? { bank: bank.name } : {};

  const question = ({ words, settings, bank }, output) => ({
    classes: words.map((w) => w.key),
    ...(output && { output }),
    ...(settings.model && { model: settings.model }),
    ...(!settings.rest && { distractors: "none" }),
    ...(settings.side && { short_side: settings.side }),
    refine: settings.refine,
    ...bankOf({ settings, bank }),
  });

  /** Asks about a picture; one that the service has seen is named, not sent again. */
  const ask = async (picture, request, { signal, accept, path = "v1/segment" } = {}) => {
    const send = (known) => {
      if (known) {
        const body = JSON.stringify({ ...request, image_sha256: picture.sha256 });
        return call(path, { method: "POST", body, type: "application/json", signal, accept });
      }
      const body = new FormData();
      body.append("request", JSON.stringify({ ...request, name: picture.name }));
      body.append("image", picture.blob, "image");
      return call(path, { method: "POST", body, signal, accept });
    };
    let response;
    try {
      response = await send(Boolean(picture.sha256));
    } catch (error) {
      if (!picture.sha256 || error.status !== 404 || error.code !== "unknown_picture") throw error;
      response = await send(false);
    }
    picture.sha256 = response.headers.get("X-San-Image-SHA256") ?? picture.sha256;
    return response;
  };

  const known = new Set();
  const wordName = (settings, key) => `${settings.model}\t${key}`;

  /** Many words that the service has not met take a while: they are embedded first, and `progress` is told. */
  const embed = async ({ words, settings }, signal, progress) => {
    const news = words.filter((w) => !known.has(wordName(settings, w.key)));
    if (news.length < kManyWords) return;
    const path = `v1/vocabularies/page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    const body = JSON.stringify({ classes: words.map((w) => w.key), ...(settings.model && { model: settings.model }) });
    await call(path, { method: "PUT", body, type: "application/json", signal });
    try {
      for (;;) {
        const { state, progress: { done, total }, problem } = await json(path, { signal });
        if (state === "failed") throw new ServiceError(problem || "The service could not read these words.");
        if (state === "ready") return;
        progress(`Learning ${news.length} words…`, done, total);
        await new Promise((next) => setTimeout(next, kPollMs));
      }
    } finally {
      call(path, { method: "DELETE" }).catch(() => {});
    }
  };

  return {
    /** {models, limits} */
    models: () => json("v1/models"),
    labelSets: async () => (await json("v1/label-sets")).label_sets,
    /** Areas, scores and masks. */
    async segment(picture, state, signal, progress) {
      await embed(state, signal, progress);
      const response = await ask(picture, question(state, ["json"]), { signal });
      for (const w of state.words) known.add(wordName(state.settings, w.key));
      return response.json();
    },
    proposals: async (picture, state) => (await ask(picture, question(state, ["proposals"]))).json(),
    /** Adds a region to a bank, which is made with its first one: {bank, area}. `example`: {class, mask}. */
    async addExample(picture, { settings }, name, example) {
      const request = { ...example, ...(settings.model && { model: settings.model }), ...(settings.side && { short_side: settings.side }) };
      return (await ask(picture, request, { path: `v1/banks/${name}/examples` })).json();
    },
    bank: (name) => json(`v1/banks/${name}`),
    bankFile: async (name) => (await call(`v1/banks/${name}/file`)).blob(),
    removeBank: (name) => call(`v1/banks/${name}`, { method: "DELETE" }),
    labels: async (picture, state) => (await ask(picture, question(state, ["labels"]))).blob(),
    /** Every stage from the picture to its labels. */
    async explain(picture, state, signal) {
      const request = { ...question(state), name: picture.name, colors: state.words.map((w) => w.color) };
      return (await ask(picture, request, { signal, path: "v1/explain" })).json();
    },
    /** Score and runner-up of every pixel: PNGs {scores, runner_up, runner_up_scores}. */
    async scores(picture, state) {
      const request = { ...question(state, ["scores", "runner_up"]), score_side: kScoreSide };
      const parts = await (await ask(picture, request, { accept: "multipart/form-data" })).formData();
      return Object.fromEntries(parts);
    },
  };
}
