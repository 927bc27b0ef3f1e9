using System.Reflection;
using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
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

            await page.GotoAsync(address);
            await Expect(page.Locator(route.StartsWith("/account/", StringComparison.Ordinal) ? "main" : "main[data-live]")).ToBeAttachedAsync();
            await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
            await LookAsync();
            foreach (var link in await page.EvaluateAsync<string[]>("[...document.querySelectorAll('a[href]:not([download])')].filter(a => a.origin === location.origin).map(a => a.pathname)"))
            {
                open.Enqueue(link);
            }
        }
    }

    /// <summary>Looks at the page as it is now: axe's serious and critical rules in both themes, and no sideways scrolling on a phone.</summary>
    public async Task LookAsync()
    {
        var path = new Uri(page.Url).AbsolutePath;
        Seen.Add(RouteOf(path) ?? path);
        foreach (var theme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = theme, ReducedMotion = ReducedMotion.Reduce });
            var result = await page.RunAxe();
            _faults.AddRange(
                from violation in result.Violations
                where violation.Impact is "serious" or "critical"
                from node in violation.Nodes
                select $"{path}, {theme}: {violation.Id} ({violation.Help}) at {node.Target}: {node.Html}");
        }

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
