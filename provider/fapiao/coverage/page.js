"use strict";
// The page of coverage, alone in a file or inside Airflow. What comes from the database is only ever set as text.
(() => {
  const ROW = 28; // height of a row in pixels, as in page.css
  const SPARE = 12; // rows drawn above and below what is seen
  const STATES = { c: "complete", r: "rejected", i: "incomplete", f: "failed", o: "open", ".": "gap" };
  // Not by colour alone: every state has a sign of its own.
  const SIGNS = { c: "✓", r: "!", i: "≠", f: "✕", o: "…", ".": "·" };
  const TROUBLE = /[rif]/i;
  const UNPROVEN = /[^cC]/;
  const QUIET = new Set(["empty", "unsupported"]);
  const TEXTS = {
    en: {
      title: "Invoice coverage", readAt: "As of", search: "Find", state: "State", source: "Source", from: "From", to: "To",
      chart: "Invoices and tax per month", numbers: "Numbers", input: "input (received)", output: "output (issued)",
      close: "Close", other: "中文", otherLanguage: "zh-CN", all: "all", trouble: "in trouble", unproven: "not proven, gaps too",
      complete: "proven", rejected: "records quarantined", incomplete: "counts differ", failed: "refused by the vendor",
      open: "being collected", gap: "not collected", again: "being collected again", taxpayer: "Taxpayer",
      searchHint: "taxpayer number or name", empty: "empty", unsupported: "not offered", waiting: "waiting", ready: "ready", reading: "reading",
      hint: "Arrow keys move, Enter shows a month's slices, Escape closes. Times are China's.",
      counts: (n, m) => `${n} taxpayers, ${m} months`, none: "Nothing was collected yet.", noMatch: "Nothing matches the filters.",
      type: "Type", direction: "Direction", generation: "Generation", expected: "Vendor's count", loaded: "Ours",
      rejectedCount: "Rejected", missing: "Missing", amount: "Amount excl. tax", tax: "Tax", findings: "Findings", closedAt: "Closed",
      message: "The vendor says", worked: (generation) => `Generation ${generation}:`, log: (task) => `log of task ${task}`,
      otherTask: (dag, run, number) => `(DAG ${dag}, run ${run}, try ${number})`, quiet: (n, m) => `${n} slices are empty, ${m} are not offered by the vendor.`,
      underWay: "under way", noSlices: "This file has no slices of this month: it holds those of unproven months only.",
      notCollected: "This month was never collected.", loading: "Loading …",
      totals: "Control totals from outside", number: "Number", invoice_count: "Invoices", amount_excl_tax: "Amount excl. tax", tax_amount: "Tax",
      totalSays: "Control total", stored: "Stored", difference: "Difference", origin: "From", allTypes: "all",
      problems: {
        401: "You are not logged in to Airflow. Log in and open the page again.",
        403: "Your role may not see the coverage. Ask your Airflow administrator.",
        404: "The coverage page has no database yet: set [fapiao] coverage_into.",
        0: "The data could not be loaded. See the log of the API server.",
      },
    },
    zh: {
      title: "发票采集覆盖", readAt: "数据时间", search: "查找", state: "状态", source: "来源", from: "从", to: "到",
      chart: "每月发票张数与税额", numbers: "数字", input: "进项", output: "销项", close: "关闭", other: "English", otherLanguage: "en",
      all: "全部", trouble: "有问题", unproven: "未证明完整（含缺口）", complete: "已证明完整", rejected: "有隔离记录", incomplete: "数目不符",
      failed: "供应商拒绝", open: "采集中", gap: "未采集", again: "正在重新采集", taxpayer: "纳税人", searchHint: "纳税人识别号或名称",
      empty: "无发票", unsupported: "不支持", waiting: "等待", ready: "可读取", reading: "读取中",
      hint: "方向键移动，回车查看该月明细，Esc 关闭。时间为北京时间。",
      counts: (n, m) => `${n} 个纳税人，${m} 个月份`, none: "尚未采集任何数据。", noMatch: "没有符合筛选条件的纳税人。",
      type: "发票类型", direction: "方向", generation: "批次", expected: "供应商张数", loaded: "已入库", rejectedCount: "隔离", missing: "缺少",
      amount: "不含税金额", tax: "税额", findings: "提示", closedAt: "完成时间", message: "供应商说明",
      worked: (generation) => `批次 ${generation}：`, log: (task) => `任务 ${task} 的日志`,
      otherTask: (dag, run, number) => `（DAG ${dag}，运行 ${run}，第 ${number} 次尝试）`,
      quiet: (n, m) => `另有 ${n} 个分片无发票，${m} 个分片供应商不提供。`, underWay: "进行中",
      noSlices: "本文件未包含该月的明细：数据量大时只含未证明完整的月份。", notCollected: "该月从未采集。", loading: "加载中…",
      totals: "外部控制总数", number: "项目", invoice_count: "份数", amount_excl_tax: "不含税金额", tax_amount: "税额",
      totalSays: "控制总数", stored: "已入库", difference: "差异", origin: "来源", allTypes: "全部",
      problems: {
        401: "尚未登录 Airflow，请登录后重新打开。", 403: "您的角色无权查看覆盖情况，请联系 Airflow 管理员。",
        404: "尚未配置数据库：请设置 [fapiao] coverage_into。", 0: "数据加载失败，请查看 API server 日志。",
      },
    },
  };

  const at = (id) => document.getElementById(id);
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const remembered = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // a file opened from disk may have no storage
    }
  };

  const embedded = at("data");
  let language = (remembered("fapiao-language") || remembered("i18nextLng") || navigator.language).startsWith("zh") ? "zh" : "en";
  let told = { months: [], rows: [], titles: {} };
  let view = { rows: [], first: 0, months: [] };
  let active = { row: 0, column: 0 };
  let body;

  const texts = () => TEXTS[language];
  const counted = (number) => number.toLocaleString(language === "zh" ? "zh-CN" : "en");
  const amount = (text) => (text ?? "").replace(/\B(?=(\d{3})+\.)/g, ","); // exact text: a number would be rounded
  const clock = (seconds) =>
    new Date(seconds * 1000).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", {
      timeZone: "Asia/Shanghai", dateStyle: "medium", timeStyle: "short",
    });
  const stateOf = (letter) => STATES[letter.toLowerCase()];
  const isAgain = (letter) => letter !== "." && letter === letter.toUpperCase();
  const described = (letter) => texts()[stateOf(letter)] + (isAgain(letter) ? `, ${texts().again}` : "");

  async function loaded(path) {
    const answer = await fetch(path, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) throw answer;
    return answer;
  }

  function complain(problem) {
    at("problem").textContent = texts().problems[problem.status] || texts().problems[0];
    at("problem").hidden = false;
  }

  function theme() {
    const wanted = embedded ? null : remembered("theme"); // Airflow's own choice
    if (wanted === "dark" || wanted === "light") document.documentElement.dataset.theme = wanted;
    else delete document.documentElement.dataset.theme;
  }

  function speak() {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = texts().title;
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts()[element.dataset.text];
    at("language").textContent = texts().other;
    at("language").lang = texts().otherLanguage;
    at("search").placeholder = texts().searchHint;
    at("matrix").setAttribute("aria-label", texts().title);
    if (told.read_at) at("read-at").textContent = clock(told.read_at);
    const chosen = at("state").value;
    const choices = [["", texts().all], ["trouble", texts().trouble], ["unproven", texts().unproven]];
    for (const letter of Object.keys(STATES)) choices.push([letter, `${SIGNS[letter]} ${described(letter)}`]);
    offer(at("state"), choices, chosen);
    offer(at("source"), [["", texts().all], ...sources().map((name) => [name, name])], at("source").value);
    at("legend").replaceChildren(
      ...Object.keys(STATES).map((letter) => {
        const item = make("li");
        item.append(make("span", `swatch ${letter === "." ? "gap" : letter}`, SIGNS[letter]), make("span", "", described(letter)));
        return item;
      }),
    );
  }

  const sources = () => [...new Set(told.rows.map((row) => row[0]))];

  function offer(select, choices, chosen) {
    select.replaceChildren(
      ...choices.map(([value, text]) => {
        const option = make("option", "", text);
        option.value = value;
        return option;
      }),
    );
    select.value = chosen;
  }

  function filter() {
    const months = told.months;
    // The earlier one first, whichever way round they were chosen.
    const [first, last] = [at("from"), at("to")].map((chosen) => months.indexOf(chosen.value)).sort((one, other) => one - other);
    const wanted = at("search").value.trim().toLowerCase();
    const state = at("state").value;
    const source = at("source").value;
    const tally = {};
    const rows = told.rows.filter((row) => {
      if (source && row[0] !== source) return false;
      if (wanted && !row[2].toLowerCase().includes(wanted) && !row[3].toLowerCase().includes(wanted)) return false;
      const letters = row[4].slice(first, last + 1);
      if (state === "trouble") return TROUBLE.test(letters);
      if (state === "unproven") return UNPROVEN.test(letters);
      return !state || letters.toLowerCase().includes(state);
    });
    for (const row of rows)
      for (let place = first; place <= last; place++) {
        const letter = row[4][place].toLowerCase();
        tally[letter] = (tally[letter] || 0) + 1;
      }
    view = { rows, first, months: months.slice(first, last + 1) };
    active = { row: 0, column: Math.max(0, view.months.length - 1) };
    const all = Object.values(tally).reduce((one, other) => one + other, 0);
    const parts = Object.keys(STATES).filter((letter) => tally[letter]).map((letter) => `${described(letter)} ${counted(tally[letter])}`);
    at("counts").textContent = !told.rows.length
      ? texts().none
      : rows.length ? `${texts().counts(counted(rows.length), counted(all))}: ${parts.join(" · ")}` : texts().noMatch;
    lay();
  }

  function lay() {
    const matrix = at("matrix");
    const heads = make("div", "heads");
    heads.setAttribute("role", "row");
    heads.setAttribute("aria-rowindex", "1");
    for (const [place, text] of [texts().taxpayer, ...view.months.map((month) => `${month.slice(2, 4)}-${month.slice(4)}`)].entries()) {
      const head = make("div", place ? "month" : "who", text);
      head.setAttribute("role", "columnheader");
      head.setAttribute("aria-colindex", place + 1);
      heads.append(head);
    }
    body = make("div", "body");
    body.setAttribute("role", "presentation");
    body.style.height = `${view.rows.length * ROW}px`;
    matrix.setAttribute("aria-rowcount", view.rows.length + 1);
    matrix.setAttribute("aria-colcount", view.months.length + 1);
    matrix.style.height = `${(view.rows.length + 1) * ROW + 20}px`;
    matrix.replaceChildren(heads, body);
    matrix.scrollTop = 0;
    matrix.scrollLeft = matrix.scrollWidth; // the newest months are what is asked about
    draw();
  }

  function draw() {
    const matrix = at("matrix");
    const first = Math.max(0, Math.floor(matrix.scrollTop / ROW) - SPARE);
    const last = Math.min(view.rows.length, Math.ceil((matrix.scrollTop + matrix.clientHeight) / ROW) + SPARE);
    const kept = new Map([...body.children].map((element) => [Number(element.dataset.row), element]));
    for (const [number, element] of kept) if (number < first || number >= last) element.remove();
    const fresh = document.createDocumentFragment();
    for (let number = first; number < last; number++) if (!kept.has(number)) fresh.append(row(number));
    body.append(fresh);
  }

  function row(number) {
    const [source, account, taxpayer, name, letters] = view.rows[number];
    const element = make("div", "row");
    element.dataset.row = number;
    element.style.top = `${number * ROW}px`;
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", number + 2);
    const who = make("div", "who", name || taxpayer);
    if (name) who.append(" ", make("small", "", taxpayer));
    who.title = `${name} ${taxpayer}\n${source} ${account}`;
    who.setAttribute("role", "rowheader");
    who.setAttribute("aria-colindex", "1");
    element.append(who);
    view.months.forEach((month, place) => {
      const letter = letters[view.first + place];
      const cell = make("div", `month cell ${letter === "." ? "gap" : letter.toLowerCase()}${isAgain(letter) ? " again" : ""}`, SIGNS[letter.toLowerCase()]);
      cell.dataset.place = place;
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-colindex", place + 2);
      cell.setAttribute("aria-label", `${name || taxpayer} ${month}: ${described(letter)}`);
      cell.title = `${month}: ${described(letter)}`;
      cell.tabIndex = number === active.row && place === active.column ? 0 : -1;
      element.append(cell);
    });
    return element;
  }

  function go(rowNumber, column) {
    const old = body.querySelector('.cell[tabindex="0"]');
    if (old) old.tabIndex = -1;
    active = {
      row: Math.min(Math.max(rowNumber, 0), view.rows.length - 1),
      column: Math.min(Math.max(column, 0), view.months.length - 1),
    };
    const matrix = at("matrix");
    const top = active.row * ROW;
    if (top < matrix.scrollTop) matrix.scrollTop = top;
    else if (top + 2 * ROW > matrix.scrollTop + matrix.clientHeight) matrix.scrollTop = top + 2 * ROW - matrix.clientHeight + 16;
    draw();
    const cell = body.querySelector(`[data-row="${active.row}"] [data-place="${active.column}"]`);
    if (cell) {
      cell.tabIndex = 0;
      cell.focus();
    }
  }

  function press(event) {
    if (!view.rows.length) return;
    const page = Math.max(1, Math.floor(at("matrix").clientHeight / ROW) - 2);
    const moves = {
      ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0],
      Home: [event.ctrlKey ? -Infinity : 0, -Infinity], End: [event.ctrlKey ? Infinity : 0, Infinity],
    };
    if (event.key in moves) {
      event.preventDefault();
      go(active.row + moves[event.key][0], active.column + moves[event.key][1]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      show(active.row, active.column);
    }
  }

  async function show(rowNumber, place) {
    const [source, account, taxpayer, name, letters] = view.rows[rowNumber];
    const month = view.months[place];
    const letter = letters[view.first + place];
    at("detail-title").textContent = `${name ? `${name} ` : ""}${taxpayer} · ${month.slice(0, 4)}-${month.slice(4)}`;
    at("detail-about").textContent = `${SIGNS[letter.toLowerCase()]} ${described(letter)} · ${source} · ${account}`;
    const shown = at("detail-slices");
    shown.textContent = letter === "." ? texts().notCollected : texts().loading;
    at("detail-tasks").replaceChildren();
    at("detail-totals").replaceChildren();
    at("detail-totals").hidden = true;
    at("detail").showModal();
    try {
      const totals = await controlTotals(taxpayer, month);
      at("detail-totals").replaceChildren(...totalTable(totals));
      at("detail-totals").hidden = !totals.length;
      if (letter === ".") return;
      const parts = await slices(source, account, taxpayer, month);
      if (parts) {
        at("detail-tasks").replaceChildren(...tasks(parts));
        shown.replaceChildren(...sliceTable(parts, told.titles[source] || {}));
      }
      else shown.textContent = texts().noSlices;
    } catch (problem) {
      shown.textContent = texts().problems[problem.status] || texts().problems[0];
    }
  }

  // Also of a month that was never collected: then the total says what is missing.
  async function controlTotals(taxpayer, month) {
    const query = new URLSearchParams({ taxpayer_no: taxpayer, invoice_month: month });
    const rows = embedded
      ? told.control_totals[[taxpayer, month].join("|")] || []
      : await (await loaded(`control_totals.json?${query}`)).json();
    return rows.map((row) => Object.fromEntries(told.total_fields.map((name, place) => [name, row[place]])));
  }

  // A table of columns [name, kind, value]: numbers where the kind is empty.
  function headed(columns) {
    const table = make("table");
    const heads = table.createTHead().insertRow();
    for (const [key, kind] of columns) {
      const head = make("th", kind === "" ? "" : "text", texts()[key]);
      head.scope = "col";
      heads.append(head);
    }
    return table;
  }

  function totalTable(totals) {
    if (!totals.length) return [];
    const differs = (total) => /[1-9]/.test(total.difference);
    const shown = (total, text) => (total.number === "invoice_count" ? counted(Number(text)) : amount(text));
    const columns = [
      ["direction", "text", (total) => texts()[total.direction] || total.direction],
      ["type", "text", (total) => total.type || texts().allTypes],
      ["number", "text", (total) => texts()[total.number]],
      ["totalSays", "", (total) => shown(total, total.expected)],
      ["stored", "", (total) => shown(total, total.stored)],
      ["difference", "", (total) => (differs(total) ? `≠ ${shown(total, total.difference)}` : "✓")],
      ["origin", "message", (total) => total.origin],
    ];
    const table = headed(columns);
    table.createCaption().textContent = texts().totals;
    const rows = table.createTBody();
    for (const total of totals) {
      const line = rows.insertRow();
      if (differs(total)) line.className = "differs";
      for (const [, kind, value] of columns) line.append(make("td", kind, value(total)));
    }
    return [table];
  }

  async function slices(source, account, taxpayer, month) {
    const named = (parts) => parts.map((part) => Object.fromEntries(told.slice_fields.map((name, place) => [name, part[place]])));
    if (embedded) {
      const found = told.slices[[source, account, taxpayer, month].join("|")];
      return found ? named(found) : told.only_troubles ? null : [];
    }
    const query = new URLSearchParams({ source, account, taxpayer_no: taxpayer, invoice_month: month });
    return named(await (await loaded(`slices.json?${query}`)).json());
  }

  function tasks(parts) {
    const byGeneration = new Map(parts.filter((part) => part.task).map((part) => [part.generation, part.task]));
    return [...byGeneration].sort(([one], [other]) => one - other).map(([generation, task]) => {
      const item = make("li", "", `${texts().worked(generation)} `);
      const name = texts().log(`${task.task_id}${task.map_index < 0 ? "" : `[${task.map_index}]`}`);
      const address = logAddress(task);
      const link = make(address ? "a" : "span", "", name);
      if (address) link.href = address;
      item.append(link, ` ${texts().otherTask(task.dag_id, task.run_id, task.try_number)}`);
      return item;
    });
  }

  // Airflow 3.1 and newer. Names come from the database: each is one segment, and none that a browser would resolve.
  function logAddress(task) {
    const names = [task.dag_id, task.run_id, task.task_id];
    if (typeof told.airflow !== "string" || names.some((name) => /^\.*$/.test(name))) return null;
    const [dag, run, name] = names.map(encodeURIComponent);
    const mapped = task.map_index < 0 ? "" : `/mapped/${Number(task.map_index)}`;
    return `${told.airflow}/dags/${dag}/runs/${run}/tasks/${name}${mapped}?try_number=${Number(task.try_number)}`;
  }

  // Airflow shows the page in a frame that may neither leave it nor open a window, so its own document follows the link.
  function leave(event) {
    const link = event.target.closest("a");
    if (!link || embedded || parent === window) return;
    event.preventDefault();
    const outer = parent.document.createElement("a");
    outer.href = link.href;
    if (event.ctrlKey || event.metaKey || event.shiftKey) Object.assign(outer, { target: "_blank", rel: "noopener" });
    parent.document.body.append(outer);
    outer.click();
    outer.remove();
  }

  function sliceTable(parts, titles) {
    const columns = [
      ["type", "text", (part) => `${part.type} ${titles[part.type] || ""}`],
      ["direction", "text", (part) => texts()[part.direction] || part.direction],
      ["state", "text", (part) => (texts()[part.state] || part.state) + (part.closed ? "" : ` (${texts().underWay})`)],
      ["generation", "", (part) => part.generation],
      ["expected", "", (part) => (part.expected === null ? "?" : counted(part.expected))],
      ["loaded", "", (part) => counted(part.loaded)],
      ["rejectedCount", "", (part) => counted(part.rejected)],
      ["missing", "", (part) => (part.expected === null ? "?" : counted(part.expected - part.loaded - part.rejected))],
      ["amount", "", (part) => amount(part.amount)],
      ["tax", "", (part) => amount(part.tax)],
      ["findings", "", (part) => counted(part.findings)],
      ["closedAt", "text", (part) => (part.closed_at ? clock(part.closed_at) : "")],
      ["message", "message", (part) => [part.code, part.message].filter(Boolean).join(" ")],
    ];
    const loud = parts.filter((part) => !QUIET.has(part.state));
    const table = headed(columns);
    const rows = table.createTBody();
    for (const part of loud) {
      const line = rows.insertRow();
      for (const [, kind, value] of columns) line.append(make("td", kind, String(value(part))));
    }
    const count = (state) => parts.filter((part) => part.state === state).length;
    const quiet = make("p", "hint", texts().quiet(counted(count("empty")), counted(count("unsupported"))));
    return parts.length === loud.length ? [table] : loud.length ? [table, quiet] : [quiet];
  }

  async function drawChart() {
    if (embedded || !at("chart").open || at("chart-place").firstChild) return;
    at("chart-place").textContent = texts().loading;
    try {
      const drawn = new DOMParser().parseFromString(await (await loaded("months.html")).text(), "text/html");
      at("chart-place").replaceChildren(...[...drawn.body.children].map((part) => document.adoptNode(part)));
      speak();
    } catch (problem) {
      at("chart-place").textContent = "";
      complain(problem);
    }
  }

  async function begin() {
    theme();
    addEventListener("storage", theme);
    speak();
    try {
      told = embedded ? JSON.parse(embedded.textContent) : await (await loaded("matrix.json")).json();
    } catch (problem) {
      at("counts").textContent = "";
      complain(problem);
      return;
    }
    const months = told.months.map((month) => [month, `${month.slice(0, 4)}-${month.slice(4)}`]);
    offer(at("from"), months, told.months[0]);
    offer(at("to"), months, told.months[told.months.length - 1]);
    speak();
    for (const id of ["filters", "legend", "matrix", "hint"]) at(id).hidden = false;
    filter();
    for (const id of ["search", "state", "source", "from", "to"]) at(id).addEventListener("input", filter);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("matrix").addEventListener("keydown", press);
    let waits = false;
    at("matrix").addEventListener("scroll", () => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        draw();
      });
    });
    addEventListener("resize", draw);
    at("matrix").addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (!cell) return;
      go(Number(cell.parentElement.dataset.row), Number(cell.dataset.place));
      show(active.row, active.column);
    });
    performance.mark("matrix");
    document.documentElement.dataset.ready = "yes";
  }

  at("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    try {
      localStorage.setItem("fapiao-language", language);
    } catch {
      // then it is chosen again next time
    }
    speak();
    if (told.months.length) filter();
  });
  at("detail-tasks").addEventListener("click", leave);
  at("detail-close").addEventListener("click", () => at("detail").close());
  at("chart").addEventListener("toggle", drawChart);
  begin();
})();
