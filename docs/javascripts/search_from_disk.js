// A page opened from disk may start no worker, and the search runs in one. There, its script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inside.document.createElement("script");
      script.src = url;
      this.ready = new Promise((resolve) => { script.onload = resolve; });
      this.tell = (data) => inside.dispatchEvent(new inside.MessageEvent("message", { data }));
      inside.document.documentElement.append(script);
    }

    postMessage(data) {
      this.ready.then(() => this.tell(data));
    }
  };
}
