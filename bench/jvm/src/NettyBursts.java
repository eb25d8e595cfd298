import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContentCompressor;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.SplittableRandom;

/**
 * A server of netty's under connection bursts on loopback. An operation opens a dozen connections,
 * sends a body on each, then reads all answers, and closes. Bodies of one burst are alive at the
 * same time. protocol=echo sends them back as they come; protocol=http collects the body and sends
 * it back packed by gzip. Buffers are direct, pool=pooled or unpooled.
 */
final class NettyBursts implements Workload {
    private static final int BURST = 12;
    private static final int GZIP_LEVEL = 1;
    private static final int MAX_BODY = 1 << 20;
    private static final int TIMEOUT_MILLIS = 60_000;

    private final Text text = new Text(4 << 20);
    private final Sizes lengths = new Sizes(512, 128 << 10);
    private EventLoopGroup loops;
    private InetSocketAddress address;
    private boolean isHttp;

    /** Sends back what comes. */
    @ChannelHandler.Sharable
    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.write(message);
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    /** Answers with the request's body, in a buffer of its own, and closes. */
    @ChannelHandler.Sharable
    private static final class Answer extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            ByteBuf body = context.alloc().directBuffer(request.content().readableBytes());
            body.writeBytes(request.content());
            FullHttpResponse response =
                    new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
            response.headers().set("content-type", "text/plain").set("connection", "close")
                    .set("content-length", body.readableBytes());
            context.writeAndFlush(response)
                    .addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    @Override
    public void open(Settings settings) throws Exception {
        isHttp = settings.text("protocol", "echo").equals("http");
        boolean isPooled = settings.text("pool", "pooled").equals("pooled");
        ByteBufAllocator allocator = isPooled
                ? PooledByteBufAllocator.DEFAULT : new UnpooledByteBufAllocator(true);
        loops = new NioEventLoopGroup(settings.number("loops", 4));
        Channel server = new ServerBootstrap().group(loops).channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 4096)
                .childOption(ChannelOption.ALLOCATOR, allocator)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        fill(channel.pipeline());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0).sync().channel();
        address = (InetSocketAddress) server.localAddress();
    }

    private void fill(ChannelPipeline pipeline) {
        if (isHttp) {
            pipeline.addLast(new HttpServerCodec(), new HttpContentCompressor(GZIP_LEVEL),
                    new HttpObjectAggregator(MAX_BODY), new Answer());
        } else {
            pipeline.addLast(new Echo());
        }
    }

    @Override
    public void operate(SplittableRandom random) throws IOException {
        Socket[] sockets = new Socket[BURST];
        int[] sizes = new int[BURST];
        try {
            for (int i = 0; i < BURST; i++) {
                sockets[i] = new Socket();
                sockets[i].setSoTimeout(TIMEOUT_MILLIS);
                sockets[i].connect(address, TIMEOUT_MILLIS);
            }
            for (int i = 0; i < BURST; i++) {
                sizes[i] = lengths.next(random);
                send(sockets[i], sizes[i], random);
            }
            for (int i = 0; i < BURST; i++) {
                receive(sockets[i], sizes[i]);
            }
        } finally {
            for (Socket socket : sockets) {
                if (socket != null) {
                    socket.close();
                }
            }
        }
    }

    private void send(Socket socket, int size, SplittableRandom random) throws IOException {
        if (isHttp) {
            String head = "POST /echo HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n"
                    + "content-length: " + size + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(US_ASCII));
        }
        socket.getOutputStream().write(text.bytes(), text.from(random, size), size);
        if (!isHttp) {
            socket.shutdownOutput();
        }
    }

    /** An echo ends when all has come back, an answer when the server closes. */
    private void receive(Socket socket, int size) throws IOException {
        InputStream in = socket.getInputStream();
        byte[] buffer = new byte[16 << 10];
        int got = 0;
        String head = null;
        for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
            head = head == null ? new String(buffer, 0, Math.min(n, 15), US_ASCII) : head;
            got += n;
            if (!isHttp && got >= size) {
                break;
            }
        }
        if (isHttp ? head == null || !head.equals("HTTP/1.1 200 OK") : got != size) {
            throw new IllegalStateException("got " + got + " of " + size + " bytes: " + head);
        }
    }

    @Override
    public void release() {
        // Connections are closed by the operations that opened them; the server stays.
    }

    @Override
    public void close() {
        loops.shutdownGracefully();
    }
}
