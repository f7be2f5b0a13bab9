// The search runs in a worker, and browsers start none for a page that was opened as a file. For
// such a page a hidden frame runs the worker's script.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.srcdoc = `<script src="${new URL(url, document.baseURI).href}"></script>`
      this.loaded = new Promise((resolve) => this.frame.addEventListener("load", resolve))
      document.body.append(this.frame)
    }

    async postMessage(data) {
      await this.loaded
      const script = this.frame.contentWindow
      if (!script) return // terminated
      // Copies, as between a page and a worker: the script changes what it gets.
      script.postMessage = (answer) => this.onmessage?.({ data: structuredClone(answer) })
      script.onmessage({ data: structuredClone(data) })
    }

    terminate() {
      this.frame.remove()
    }
  }
}
