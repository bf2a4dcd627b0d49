# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page as a Jinja2 template. Everything that others wrote stands between tags or in a quoted attribute, and is
escaped there.
"""

from __future__ import annotations

TEMPLATE = """\
{%- macro state(word, told="") -%}
<span class="state {{ word }}">{{ signs.get(word, "?") }} {{ told or labels.get(word, word) }}</span>
{%- endmacro -%}
{%- macro severity(word) -%}
{{ state("down", "error") if word == "error" else state("unsure", "warning") }}
{%- endmacro -%}
{%- macro name(text) -%}
<bdi>{{ text }}</bdi>
{%- endmacro -%}
{%- macro cell(text) -%}
<td>{% if text is turned %}<bdi>{{ text }}</bdi>{% else %}{{ "" if text is none else text }}{% endif %}</td>
{%- endmacro -%}
{%- macro begin(label, heads) -%}
<div class="scroll" role="region" tabindex="0" aria-label="{{ label }}, table"><table><caption class="skip">{{ label }}</caption>
<thead><tr>{% for head in heads %}<th scope="col">{{ head }}</th>{% endfor %}</tr></thead><tbody>
{%- endmacro -%}
{%- macro end() -%}
</tbody></table></div>
{%- endmacro -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="referrer" content="no-referrer">
<title>Federation report: {{ page.verdict }}</title>
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#do">Skip to what has to be done</a>
<div class="wrap">
<header>
<h1>Federation report</h1>
<p>Verdict: {{ state(verdicts.get(page.verdict, "unknown"), page.verdict) }} <span class="soft">· made {{ page.made or "at an unknown time" }}</span>
<button type="button" id="theme" class="theme" hidden>Light or dark</button></p>
<ul class="tiles">
{% for number, told in tiles %}
<li><b>{{ number }}</b> {{ told }}</li>
{% endfor %}
</ul>
<nav aria-label="Parts of this page"><ul>
{% for id, title in parts %}
<li><a href="#{{ id }}">{{ title }}</a></li>
{% endfor %}
</ul></nav>
<form class="filter" id="filter" role="search" hidden>
<label for="search">Search</label> <input type="search" id="search" autocomplete="off" spellcheck="false">
<fieldset><legend>Show only</legend>
{% for word in states %}
<label><input type="checkbox" value="{{ word }}"> {{ labels[word] }}</label>
{% endfor %}
</fieldset>
<button type="reset">Show all</button> <span id="told" role="status" class="soft"></span>
</form>
</header>
<main>
<section aria-labelledby="do">
<h2 id="do">What has to be done, and by whom</h2>
{% if page.actions %}
<ol class="actions">
{% for row in page.actions[:most] %}
<li data-row="{{ 'down' if row.severity == 'error' else 'unsure' }}">{{ severity(row.severity) }}
<strong>{% for who in row.who %}{{ name(who) }}{{ " or " if not loop.last }}{% endfor %}</strong>{% if row.code %}
<code>{{ row.code }}</code>{% endif %}
<br>{{ name(row.about) }}: {{ name(row.what) }}<br><span class="soft">{{ name(row.fix) }}</span></li>
{% endfor %}
</ol>
{% if page.actions|length > most %}<p class="soft">{{ page.actions|length - most }} more are in the JSON file.</p>{%
endif %}
{% else %}
<p>Nothing.</p>
{% endif %}
</section>
{% if changes %}
<section aria-labelledby="changes">
<h2 id="changes">Changed since {{ changes.since or "the saved report" }}</h2>
{% if changes.rows %}
{{ begin("Changes", ["Kind", "Where", "Before", "After"]) }}
{% for row in changes.rows %}
<tr data-row="unsure"><td>{{ row.kind }}</td>{{ cell(row.where) }}{{ cell(row.before or "not there") }}{{ cell(row.after or "not there") }}</tr>
{% endfor %}
{{ end() }}
{% if changes.left_out %}<p class="soft">{{ changes.left_out }} more are left out.</p>{% endif %}
{% else %}
<p>Nothing.</p>
{% endif %}
</section>
{% endif %}
<section aria-labelledby="topology">
<h2 id="topology">Meshes and peerings</h2>
<p class="soft">Signs: {% for word in states %}{{ state(word) }} {% endfor %} The tables below have the same facts.
{% if drawing.left_out %}{{ drawing.left_out }} more peerings that are not connected are only in the table.{% endif
%}</p>
<div class="scroll" role="region" tabindex="0" aria-label="Picture of meshes and peerings">
<svg viewBox="0 0 {{ drawing.width }} {{ drawing.height }}" role="img" aria-labelledby="picture picture-what"{{ ' class="wide"'|safe if drawing.groups }}>
<title id="picture">Meshes and their peerings</title>
<desc id="picture-what">{{ described }}</desc>
{% for group in drawing.groups %}
<g class="group {{ group.state }}"><rect x="{{ group.x }}" y="{{ group.y }}" width="{{ group.width }}" height="{{ group.height }}" rx="8"/>
<text class="told" x="{{ group.x + 12 }}" y="{{ group.y + 20 }}">{{ group.told }}</text></g>
{% endfor %}
{% for line in drawing.lines %}
<path class="line {{ line.state }}{{ ' many' if line.number > 1 }}" d="{{ line.path }}"><title>{{ line.told }}</title></path>
{% endfor %}
{% for box in drawing.boxes %}
<g class="box {{ box.state }}{{ ' unseen' if not box.seen }}"><title>{{ box.name }}: {{ box.state }}</title>
<rect x="{{ box.x }}" y="{{ box.y }}" width="{{ box.width }}" height="{{ box.height }}" rx="6"/>
<text class="name" x="{{ box.x + 10 }}" y="{{ box.y + 25 }}">{{ box.shown }}</text>
<text class="told" x="{{ box.x + 10 }}" y="{{ box.y + 46 }}">{{ box.told }}</text>
<text class="sign {{ box.state }}" x="{{ box.x + box.width - 20 }}" y="{{ box.y + 25 }}">{{ signs[box.state] }}</text></g>
{% endfor %}
{% for label in drawing.labels %}
<text class="label" x="{{ label.x }}" y="{{ label.y }}" text-anchor="middle">{{ label.text }}</text>
{% endfor %}
</svg>
</div>
{{ begin("Meshes", ["Mesh", "State", "Version", "Trust domain", "Control plane", "Members", "Note"]) }}
{% for row in page.meshes %}
<tr data-row="{{ row.state }}">{{ cell(row.name) }}<td>{{ state(row.state) }}</td>{{ cell(row.version) }}{{ cell(row.trust_domain) }}
{{ cell(row.control_plane) }}{{ cell(row.members|length if row.seen else "") }}{{ cell(row.why) }}</tr>
{% endfor %}
{{ end() }}
</section>
<section aria-labelledby="peerings">
<h2 id="peerings">Connections</h2>
{% if page.peerings %}
{{ begin("Connections, one row per side", ["Mesh", "Peer", "State", "Out", "In", "Last full list", "Offered", "Taken", "Reason"]) }}
{% for row in page.peerings %}{% for side in row.sides %}
<tr data-row="{{ side.state }}">{{ cell(side.mesh) }}{{ cell(side.to) }}<td>{{ state(side.state) }}</td><td>{{ side.outbound }}</td><td>{{ side.inbound }}</td>
{{ cell(side.last_full_sync or "never") }}<td>{{ side.exports|length }}</td><td>{{ "unknown" if side.imports is none else side.imports|length }}</td>
{{ cell(side.note or side.unproven or side.outbound_reason or side.inbound_reason) }}</tr>
{% endfor %}{% endfor %}
{{ end() }}
{% else %}
<p>No peerings.</p>
{% endif %}
</section>
<section aria-labelledby="services">
<h2 id="services">Services</h2>
{% for mesh, sides in services %}
<details{{ " open" if services|length <= 4 }}><summary><strong>{{ name(mesh) }}</strong>
<span class="soft">{{ sides.offered }} offered, {{ sides.taken }} taken</span></summary>
{{ begin("Services of " ~ mesh, ["Cluster", "Namespace", "Service", "As", "Host"]) }}
{% for row in sides.rows %}
<tr data-row="{{ row.state }}">{{ cell(row.cluster) }}{{ cell(row.namespace) }}{{ cell(row.name) }}{{ cell(row.told) }}
<td class="mono">{{ name(row.host) }}</td></tr>
{% endfor %}
{{ end() }}
</details>
{% else %}
<p>None is exported, and none is imported.</p>
{% endfor %}
</section>
<section aria-labelledby="trust">
<h2 id="trust">Trust</h2>
{% if page.trust %}
{{ begin("Roots", ["Mesh", "State", "Days left", "Valid until", "Root, SHA-256", "Note"]) }}
{% for row in page.trust %}
<tr data-row="{{ row.state }}">{{ cell(row.mesh ~ (" about " ~ row.peer if row.peer else "")) }}<td>{{ state(row.state) }}</td>{{ cell(row.days_left) }}
{{ cell(row.not_after) }}<td class="mono long">{{ row.fingerprint }}</td>{{ cell(row.said or row.subject) }}</tr>
{% endfor %}
{{ end() }}
{% else %}
<p>No root was seen.</p>
{% endif %}
</section>
{% for part in extra %}
<section aria-labelledby="{{ part.id }}">
<h2 id="{{ part.id }}">{{ part.title }}</h2>
{% if part.note %}<p class="soft">{{ part.note }}</p>{% endif %}
{{ begin(part.title, part.heads) }}
{% for row in part.rows %}
<tr data-row="{{ row.state }}">
{% for text in row.cells %}{% if loop.index0 == part.stated %}<td>{{ state(row.state, text) }}</td>{% else %}{{
cell(text) }}{% endif %}{% endfor %}</tr>
{% endfor %}
{{ end() }}
{% if part.left_out %}<p class="soft">{{ part.left_out }} more rows are in the JSON file.</p>{% endif %}
</section>
{% endfor %}
<section aria-labelledby="findings">
<h2 id="findings">Findings</h2>
{% if page.findings %}
{{ begin("Findings", ["Mesh", "Code", "Place", "Seen", "Do"]) }}
{% for row in page.findings %}
<tr data-row="{{ 'down' if row.severity == 'error' else 'unsure' }}">{{ cell(row.mesh) }}<td>{{ severity(row.severity) }}<br>
<code>{{ row.code }}</code>{% for other in row.kiali %} <code>{{ other }}</code>{% endfor %}</td>
{{ cell(row.place) }}<td class="long"><bdi>{{ row.seen }}</bdi><br><span class="soft">{{ row.why }}</span></td>
<td class="long"><bdi>{{ row.cure }}</bdi></td></tr>
{% endfor %}
{{ end() }}
{% if page.findings_left_out %}<p class="soft">{{ page.findings_left_out }} more of the same codes were only
counted.</p>{% endif %}
{% else %}
<p>None.</p>
{% endif %}
{% if page.unknown %}
<h3>Not checked</h3>
{{ begin("Not checked", ["Mesh", "What", "Because"]) }}
{% for row in page.unknown %}
<tr data-row="unknown">{{ cell(row.mesh) }}{{ cell(row.what) }}{{ cell(row.because) }}</tr>
{% endfor %}
{{ end() }}
{% endif %}
</section>
</main>
<footer><p class="soft">Made by the playbook ossm.federation.report. This file loads nothing and sends
nothing.</p></footer>
</div>
<script>{{ script }}</script>
</body>
</html>
"""
