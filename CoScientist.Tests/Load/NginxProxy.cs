using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace CoScientist.Tests.Load;

/// <summary>nginx before several servers, set up as the README says; where it is installed.</summary>
internal sealed class NginxProxy : IAsyncDisposable
{
    private const string Program = "/usr/sbin/nginx";

    private readonly Process _process;

    private NginxProxy(Process process, Uri address) => (_process, Address) = (process, address);

    /// <summary>Where it is.</summary>
    public Uri Address { get; }

    /// <summary>Starts it; null where it is not installed.</summary>
    /// <param name="servers">The servers behind it.</param>
    /// <param name="folder">For its configuration and temporary files.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task<NginxProxy?> TryStartAsync(IReadOnlyList<Uri> servers, string folder, CancellationToken cancellationToken)
    {
        if (!File.Exists(Program))
        {
            return null;
        }

        Directory.CreateDirectory(folder);
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort()}"));
        var file = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(file, Configuration(servers, address, folder), cancellationToken);
        var process = Process.Start(new ProcessStartInfo(Program, ["-p", folder, "-c", file, "-e", "stderr"]) { RedirectStandardError = true, UseShellExecute = false })!;
        _ = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var http = new HttpClient();
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri(address, "/healthz"), cancellationToken);
                return new NginxProxy(process, address);
            }
            catch (HttpRequestException) when (!process.HasExited)
            {
                await Task.Delay(20, cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private static string Configuration(IReadOnlyList<Uri> servers, Uri address, string folder) => $$"""
        daemon off;
        user root;
        worker_processes 1;
        pid {{folder}}/nginx.pid;
        events { worker_connections 4096; }
        http {
          access_log off;
          client_body_temp_path {{folder}}/body; proxy_temp_path {{folder}}/proxy; fastcgi_temp_path {{folder}}/fastcgi; uwsgi_temp_path {{folder}}/uwsgi; scgi_temp_path {{folder}}/scgi;
          map $http_upgrade $connection_upgrade { default upgrade; "" close; }
          map $cookie_instance $instance { default $cookie_instance; "" $request_id; }
          map $cookie_instance $new_instance { default ""; "" "instance=$request_id; Path=/; HttpOnly; SameSite=Lax"; }
          upstream coscientist {
            hash $instance consistent;
            {{string.Join("\n    ", servers.Select(server => $"server {server.Authority} max_fails=1 fail_timeout=5s;"))}}
          }
          server {
            listen {{address.Authority}};
            client_max_body_size 0;
            location / {
              proxy_pass http://coscientist;
              proxy_http_version 1.1;
              proxy_set_header Host $http_host;
              proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
              proxy_set_header X-Forwarded-Proto $scheme;
              proxy_set_header Upgrade $http_upgrade;
              proxy_set_header Connection $connection_upgrade;
              proxy_read_timeout 1h;
              proxy_next_upstream error timeout http_503;
              add_header Set-Cookie $new_instance;
            }
          }
        }
        """;

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
