"""The page of a server that carries no panel: it runs, and here is how to get one."""

from __future__ import annotations

NO_PANEL_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Fenghuo</title>
<style>
body { font: 16px/1.65 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
       max-width: 42rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.35rem; margin: 0 0 .5rem; }
section + section { margin-top: 2.5rem; padding-top: 2rem; border-top: 1px solid rgba(128, 128, 128, .35); }
code { font: .9em ui-monospace, Menlo, Consolas, monospace; padding: .1em .35em; border-radius: 4px;
       background: rgba(128, 128, 128, .18); }
</style>
</head>
<body>
<section>
<h1>Fenghuo is running, without its panel</h1>
<p>Metrics, rules and notifications work; only these pages were not built when this copy was installed, because
there was no Node.js of 20.19 or newer, or npm could not reach its registry.</p>
<p>To get them: install a released wheel (<code>pip install 'fenghuo[server]'</code>), or in a checkout run
<code>cd ui &amp;&amp; npm ci &amp;&amp; npm run build</code> and restart the server.</p>
<p>The API answers meanwhile: <code>/api/v1/query?query=up</code>, <code>/metrics</code>, <code>/health</code>.</p>
</section>
<section lang="zh-CN">
<h1>烽火正在运行，但没有面板</h1>
<p>采集、规则和通知都在工作；只是安装这份程序时没有构建面板页面：当时没有 Node.js 20.19 或更新版本，
或者 npm 连不上软件源。</p>
<p>获取面板：安装发布的 wheel（<code>pip install 'fenghuo[server]'</code>），或在源码目录执行
<code>cd ui &amp;&amp; npm ci &amp;&amp; npm run build</code>，然后重启服务。</p>
<p>在此期间接口照常可用：<code>/api/v1/query?query=up</code>、<code>/metrics</code>、<code>/health</code>。</p>
</section>
</body>
</html>
"""
