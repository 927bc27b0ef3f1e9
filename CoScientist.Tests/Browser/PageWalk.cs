using System.Reflection;
using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Microsoft.AspNetCore.Components;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>Walks the pages that links lead to, one of each kind, and looks for what a screen reader, a dark room or a phone would not get.</summary>
internal sealed partial class PageWalk(IPage page)
{
    // Longest first: "/runs/new" is not a run of that name.
    private static readonly (string Route, Regex Path)[] s_routes =
    [
        .. typeof(CoScientist.Web.Components.App).Assembly.GetTypes()
            .SelectMany(type => type.GetCustomAttributes<RouteAttribute>())
            .Select(route => route.Template)
            .OrderBy(template => template.Count(c => c == '{'))
            .Select(template => (template, new Regex($"^{Parameter().Replace(template, "[^/]+")}$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)))),
    ];

    private static readonly string s_axe = new BundledAxeScriptProvider().GetScript();

    /// <summary>Rules of less weight are not run: a rule's impact is that of all it finds. One line for each element found.</summary>
    private const string Find = """
        async () => {
          const rules = Object.fromEntries(axe._audit.rules.filter(rule => rule.impact === 'minor' || rule.impact === 'moderate').map(rule => [rule.id, { enabled: false }]));
          const { violations } = await axe.run(document, { rules, resultTypes: ['violations'], preload: false });
          return violations.filter(found => found.impact === 'serious' || found.impact === 'critical')
            .flatMap(found => found.nodes.map(node => `${found.id} (${found.help}) at ${node.target}: ${node.html}`));
        }
        """;

    /// <summary>Drawings that say nothing to who does not see them, and charts without their values. One line for each.</summary>
    private const string Mute = """
        () => {
          const named = element => (element.getAttribute('aria-label') ?? '').length > 8;
          const mute = [...document.querySelectorAll('main svg')].filter(svg => svg.closest('[aria-hidden=true]') ? !svg.closest('table, [role=table]') : svg.getAttribute('role') !== 'img' || !named(svg));
          const charts = [...document.querySelectorAll('main figure')].filter(figure => !figure.querySelector('details.chart-table, table, [role=table], ol, ul, .chart-none'));
          const bars = [...document.querySelectorAll('main .intervals, main .profile-bar')].filter(bar => !named(bar));
          return [...mute, ...charts, ...bars].map(element => `without words or values: ${element.outerHTML.slice(0, 200)}`);
        }
        """;

    /// <summary>Addresses that the document as the server sent it leads to; what the circuit shows must lead there, too.</summary>
    private const string Links = """
        html => [...(html ? new DOMParser().parseFromString(html, 'text/html') : document).querySelectorAll('a[href]:not([download])')]
          .map(a => new URL(a.getAttribute('href'), document.baseURI)).filter(url => url.origin === location.origin).map(url => url.pathname)
        """;

    private readonly List<string> _faults = [];

    /// <summary>What was found, a line each, naming page, theme, rule and element.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>Routes of pages seen so far, as their templates.</summary>
    public ISet<string> Seen { get; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Routes of all pages.</summary>
    public static IEnumerable<string> Routes => s_routes.Select(route => route.Route);

    /// <summary>Goes to these addresses and wherever links lead from there.</summary>
    public async Task FollowAsync(params string[] addresses)
    {
        var open = new Queue<string>(addresses);
        while (open.TryDequeue(out var address))
        {
            if (RouteOf(address) is not { } route || Seen.Contains(route))
            {
                continue;
            }

            var sent = await (await page.GotoAsync(address))!.TextAsync();
            var links = await page.EvaluateAsync<string[]>(Links, sent);
            if (!route.StartsWith("/account/", StringComparison.Ordinal))
            {
                await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
                await page.WaitForFunctionAsync($"sent => {{ const shown = ({Links})(null); return sent.every(link => shown.includes(link)); }}", links);
            }

            await LookAsync();
            foreach (var link in links)
            {
                open.Enqueue(link);
            }
        }
    }

    /// <summary>Looks at the page as it is now: axe's serious and critical rules in both themes, words and values for every chart, and no sideways scrolling on a phone.</summary>
    public async Task LookAsync()
    {
        var path = new Uri(page.Url).AbsolutePath;
        Seen.Add(RouteOf(path) ?? path);
        if (!await page.EvaluateAsync<bool>("'axe' in window"))
        {
            await page.EvaluateAsync(s_axe);
        }

        foreach (var theme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = theme, ReducedMotion = ReducedMotion.Reduce });
            _faults.AddRange((await page.EvaluateAsync<string[]>(Find)).Select(found => $"{path}, {theme}: {found}"));
        }

        _faults.AddRange((await page.EvaluateAsync<string[]>(Mute)).Select(found => $"{path}: {found}"));
        var size = page.ViewportSize!;
        await page.SetViewportSizeAsync(390, 844);
        var width = await page.EvaluateAsync<int>("document.documentElement.scrollWidth");
        if (width > 390)
        {
            _faults.Add($"{path}: {width} px wide on a phone of 390 px");
        }

        await page.SetViewportSizeAsync(size.Width, size.Height);
    }

    private static string? RouteOf(string path) => s_routes.FirstOrDefault(route => route.Path.IsMatch(path)).Route;

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();
}
