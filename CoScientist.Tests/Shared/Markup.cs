namespace CoScientist.Tests.Shared;

/// <summary>Tags of an HTML document as a browser reads them: names and attributes with their quotes, scripts and comments as a whole.</summary>
internal static class Markup
{
    private static readonly string[] s_raw = ["script", "style", "textarea", "title"];

    /// <summary>The tags that open something, in order.</summary>
    public static IEnumerable<(string Name, IReadOnlyDictionary<string, string> Attributes)> Tags(string html)
    {
        var at = 0;
        while ((at = html.IndexOf('<', at)) >= 0)
        {
            if (html.AsSpan(at).StartsWith("<!--"))
            {
                var end = html.IndexOf("-->", at, StringComparison.Ordinal);
                at = end < 0 ? html.Length : end + 3;
                continue;
            }

            if (++at >= html.Length || !char.IsAsciiLetter(html[at]))
            {
                continue;
            }

            var name = Take(html, ref at, c => !char.IsWhiteSpace(c) && c is not ('>' or '/')).ToLowerInvariant();
            var attributes = Attributes(html, ref at);
            yield return (name, attributes);
            if (s_raw.Contains(name))
            {
                var end = html.IndexOf("</" + name, at, StringComparison.OrdinalIgnoreCase);
                at = end < 0 ? html.Length : end;
            }
        }
    }

    private static Dictionary<string, string> Attributes(string html, ref int at)
    {
        var attributes = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (true)
        {
            Take(html, ref at, c => char.IsWhiteSpace(c) || c == '/');
            if (at >= html.Length || html[at] == '>')
            {
                return attributes;
            }

            var name = html[at++] + Take(html, ref at, c => !char.IsWhiteSpace(c) && c is not ('=' or '>' or '/'));
            Take(html, ref at, char.IsWhiteSpace);
            var value = "";
            if (at < html.Length && html[at] == '=')
            {
                at++;
                Take(html, ref at, char.IsWhiteSpace);
                if (at < html.Length && html[at] is '"' or '\'')
                {
                    var quote = html[at++];
                    value = Take(html, ref at, c => c != quote);
                    at++;
                }
                else
                {
                    value = Take(html, ref at, c => !char.IsWhiteSpace(c) && c != '>');
                }
            }

            attributes.TryAdd(name, System.Net.WebUtility.HtmlDecode(value));
        }
    }

    private static string Take(string html, ref int at, Func<char, bool> whilst)
    {
        var from = at;
        while (at < html.Length && whilst(html[at]))
        {
            at++;
        }

        return html[from..Math.Min(at, html.Length)];
    }
}
