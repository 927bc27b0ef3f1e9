using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace CoScientist.Tests.Load;

/// <summary>A request as nginx saw it.</summary>
/// <param name="Instance">The browser's cookie, or what stands for it in the browser's first request.</param>
/// <param name="Servers">The servers that were tried, in order, as host and port.</param>
/// <param name="Status">What the browser was answered.</param>
/// <param name="Path">What it asked for.</param>
internal sealed record ProxiedRequest(string Instance, IReadOnlyList<string> Servers, int Status, string Path);

/// <summary>nginx before several servers, with the very lines of the README but for the addresses.</summary>
internal sealed class NginxProxy : IAsyncDisposable
{
    /// <summary>The cookie by which it knows a browser.</summary>
    public const string Cookie = "instance";

    private const string Program = "/usr/sbin/nginx";
    private const string Log = "requests.log";
    private static readonly string[] s_documented = ["127.0.0.1:5081", "127.0.0.1:5082"];

    private readonly Process _process;
    private readonly string _folder;
    private readonly ConcurrentQueue<string> _said = new();

    private NginxProxy(Process process, string folder, Uri address)
    {
        (_process, _folder, Address) = (process, folder, address);
        process.ErrorDataReceived += (_, line) => _said.Enqueue(line.Data ?? "");
        process.BeginErrorReadLine();
    }

    /// <summary>Where it is.</summary>
    public Uri Address { get; }

    /// <summary>Starts it.</summary>
    /// <param name="servers">The two servers behind it.</param>
    /// <param name="folder">For its configuration, log and temporary files.</param>
    /// <param name="wait">How long it may take.</param>
    public static async Task<NginxProxy> StartAsync(IReadOnlyList<Uri> servers, string folder, BoundedWait wait)
    {
        Assert.True(File.Exists(Program), "nginx is not installed here: apt-get install -y nginx-light.");
        Directory.CreateDirectory(folder);
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LoopbackPort.Take()}"));
        var file = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(file, Configuration(servers, address, folder), wait.Token);
        var process = Process.Start(new ProcessStartInfo(Program, ["-p", folder, "-c", file, "-e", "stderr"]) { RedirectStandardError = true, UseShellExecute = false })!;
        var proxy = new NginxProxy(process, folder, address);
        using var http = proxy.Client(null);
        await wait.UntilAsync("nginx to answer", async () => process.HasExited ? throw new InvalidOperationException("nginx has ended: " + string.Join(' ', proxy._said)) : await proxy.AnswersAsync(http));
        return proxy;
    }

    /// <summary>The lines of the README.</summary>
    public static string Documented()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "CoScientist.sln")))
        {
            folder = folder.Parent!;
        }

        const string Fence = "```nginx\n";
        var readme = File.ReadAllText(Path.Combine(folder.FullName, "README.md"));
        var from = readme.IndexOf(Fence, StringComparison.Ordinal) + Fence.Length;
        return readme[from..readme.IndexOf("```", from, StringComparison.Ordinal)];
    }

    /// <summary>A browser that has never been here gets its cookie: the cookie, of one whom nginx leads to this server.</summary>
    public async Task<Cookie> SeatAsync(Uri server, BoundedWait wait)
    {
        Cookie? seat = null;
        await wait.UntilAsync($"nginx to lead somebody to {server}", async () =>
        {
            var cookies = new CookieContainer();
            using var http = Client(cookies);
            Assert.True(await AnswersAsync(http));
            seat = cookies.GetCookies(Address)[Cookie];
            Assert.NotNull(seat);
            var at = await ServerOfAsync(seat.Value, wait);

            // The first request and all further ones go to the same server.
            Assert.True(await AnswersAsync(http));
            await wait.UntilAsync("nginx to log a second request", () => Requests().Count(request => request.Instance == seat.Value) == 2);
            Assert.Single(Requests().Where(request => request.Instance == seat.Value).SelectMany(request => request.Servers).Distinct());
            return at == server.Authority;
        });
        return seat!;
    }

    /// <summary>Waits until it leads this browser to this server: it does not try one that was away at once.</summary>
    public async Task LeadsToAsync(Cookie seat, Uri server, BoundedWait wait)
    {
        var cookies = new CookieContainer();
        cookies.Add(Address, new Cookie(seat.Name, seat.Value));
        using var http = Client(cookies);
        await wait.UntilAsync($"nginx to lead people to {server} again", async () =>
        {
            var before = Requests().Count(request => request.Instance == seat.Value);
            Assert.True(await AnswersAsync(http));
            await wait.UntilAsync("nginx to log a request", () => Requests().Count(request => request.Instance == seat.Value) > before);
            return await ServerOfAsync(seat.Value, wait) == server.Authority;
        });
    }

    /// <summary>What it logged: a page when it was answered, a connection when it ended.</summary>
    public List<ProxiedRequest> Requests()
    {
        using var file = new StreamReader(new FileStream(Path.Combine(_folder, Log), FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite));
        var lines = file.ReadToEnd().Split('\n');

        // What comes after the last end of a line is still being written.
        return [.. lines[..^1].Select(line => line.Split('|')).Select(parts => new ProxiedRequest(parts[0], parts[1].Split(", "), int.Parse(parts[2], CultureInfo.InvariantCulture), parts[3]))];
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private async Task<string> ServerOfAsync(string instance, BoundedWait wait)
    {
        string? server = null;
        await wait.UntilAsync("nginx to log a request", () => (server = Requests().LastOrDefault(request => request.Instance == instance)?.Servers[^1]) is not null);
        return server!;
    }

    private HttpClient Client(CookieContainer? cookies) => new(new SocketsHttpHandler { UseCookies = cookies is not null, CookieContainer = cookies ?? new() }) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(30) };

    private async Task<bool> AnswersAsync(HttpClient http)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(Address, "/healthz"), CancellationToken.None);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static string Configuration(IReadOnlyList<Uri> servers, Uri address, string folder)
    {
        var lines = Replace(Documented(), "listen 80;", $"listen {address.Authority};");
        foreach (var (documented, server) in s_documented.Zip(servers))
        {
            lines = Replace(lines, documented, server.Authority);
        }

        return $$"""
            daemon off;
            user root;
            worker_processes 1;
            pid {{folder}}/nginx.pid;
            events { worker_connections 4096; }
            http {
            log_format requests '$instance|$upstream_addr|$status|$request_uri';
            access_log {{folder}}/{{Log}} requests;
            client_body_temp_path {{folder}}/body; proxy_temp_path {{folder}}/proxy; fastcgi_temp_path {{folder}}/fastcgi; uwsgi_temp_path {{folder}}/uwsgi; scgi_temp_path {{folder}}/scgi;
            {{lines}}
            }
            """;
    }

    private static string Replace(string text, string what, string by)
    {
        Assert.Contains(what, text, StringComparison.Ordinal);
        return text.Replace(what, by, StringComparison.Ordinal);
    }
}
